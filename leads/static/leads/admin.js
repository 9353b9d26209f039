/* Pages that refresh themselves, row editors, address pairs, questions before doing something. No inline scripts. */
(function () {
  "use strict";

  const BUSY = 1200;
  const IDLE = 8000;

  /* ---- live pages ---- */
  function isUntouched(input) {
    if (input === document.activeElement && input.tagName !== "SELECT") return false;
    if (input.tagName === "SELECT") {
      const shown = Array.from(input.options).find((option) => option.defaultSelected);
      return input.value === (shown ? shown.value : input.options[0] ? input.options[0].value : "");
    }
    return input.value === input.defaultValue;
  }

  function setShown(input, value) {
    if (input.tagName !== "SELECT") {
      input.defaultValue = value;
      input.value = value;
      return;
    }
    let option = Array.from(input.options).find((one) => one.value === value);
    if (!option) {
      option = new Option(value, value);
      input.add(option);
    }
    for (const one of input.options) one.defaultSelected = one === option;
    input.value = value;
  }

  function refreshInputs(root, answer) {
    const baseInput = root.querySelector("input[name=base]");
    if (!baseInput || !answer.inputs) return;
    const base = JSON.parse(baseInput.value || "{}");
    for (const [name, value] of Object.entries(answer.inputs)) {
      const input = root.querySelector(`form [name="${name}"]`);
      if (!input || !isUntouched(input)) continue;
      if (input.value !== value) {
        setShown(input, value);
        flash(input.closest("[data-field]"));
      }
      base[name] = answer.base[name];
    }
    baseInput.value = JSON.stringify(base);
  }

  function flash(cell) {
    if (!cell) return;
    cell.classList.remove("lm-flash");
    void cell.offsetWidth;
    cell.classList.add("lm-flash");
  }

  function replaceHtml(target, html) {
    if (target.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
    const open = Array.from(target.querySelectorAll("details")).map((one) => one.open);
    target.innerHTML = html;
    target.querySelectorAll("details").forEach((one, index) => {
      if (index < open.length) one.open = open[index];
    });
  }

  function apply(root, answer) {
    for (const [part, html] of Object.entries(answer.parts || {})) {
      const target = root.querySelector(`[data-part="${part}"]`);
      if (target) replaceHtml(target, html);
    }
    for (const [name, html] of Object.entries(answer.shown || {})) {
      const target = root.querySelector(`[data-shown="${name}"]`);
      if (target && target.dataset.html !== html) {
        if (target.dataset.html !== undefined) flash(target.closest("[data-field]"));
        target.dataset.html = html;
        target.innerHTML = html;
        const cell = target.closest(".lm-cell");
        if (cell && !cell.querySelector("input, select, textarea")) {
          cell.classList.toggle("lm-empty", Boolean(target.querySelector(":scope > .lm-none")));
        }
      }
    }
    for (const [name, html] of Object.entries(answer.notes || {})) {
      const target = root.querySelector(`[data-note="${name}"]`);
      if (target) target.innerHTML = html;
    }
    refreshInputs(root, answer);
  }

  /* ---- times grow old while the page is open ---- */
  function span(seconds) {
    for (const [size, name] of [[86400, "day"], [3600, "h"], [60, "min"]]) {
      const count = Math.floor(seconds / size);
      if (count) return `${count} ${name}${name === "day" && count > 1 ? "s" : ""}`;
    }
    return `${Math.max(0, Math.floor(seconds))} s`;
  }

  function tick(behind) {
    for (const one of document.querySelectorAll("time.lm-time")) {
      const gap = (Date.now() + behind - Date.parse(one.dateTime)) / 1000;
      if (!(gap < 31 * 86400)) continue;
      const isAbout = one.hasAttribute("data-about");
      let words = isAbout ? `within about ${span(-gap)}` : `in ${span(-gap)}`;
      if (gap > -5) words = isAbout ? "now" : "just now";
      if (gap >= 5 && !isAbout) words = `${span(gap)} ago`;
      if (one.textContent !== words) one.textContent = words;
    }
  }

  function follow(root) {
    const url = root.dataset.live;
    let stamp = root.dataset.stamp;
    let isBusy = root.hasAttribute("data-busy");
    let failures = 0;

    async function look() {
      if (!document.hidden) {
        try {
          const glue = url.includes("?") ? "&" : "?";
          const answer = await fetch(`${url}${glue}stamp=${encodeURIComponent(stamp)}`, {
            headers: { Accept: "application/json" },
            credentials: "same-origin",
          });
          if (answer.redirected || answer.status === 403 || answer.status === 404) return;
          const data = await answer.json();
          if (data.stamp !== stamp) apply(root, data);
          stamp = data.stamp;
          root.dataset.stamp = stamp;
          isBusy = data.busy;
          root.toggleAttribute("data-busy", isBusy);
          failures = 0;
        } catch (fault) {
          failures += 1;
        }
      }
      window.setTimeout(look, (isBusy ? BUSY : IDLE) * Math.min(8, 1 + failures));
    }
    window.setTimeout(look, isBusy ? BUSY / 2 : IDLE);
  }

  function followPage(root) {
    window.setInterval(async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch(root.dataset.livePage, { credentials: "same-origin" });
        if (answer.redirected || !answer.ok) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of root.querySelectorAll("[data-live-part]")) {
          const fresh = page.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
          if (fresh && fresh.innerHTML !== part.innerHTML) part.innerHTML = fresh.innerHTML;
        }
      } catch (fault) {
        return;
      }
    }, 10000);
  }

  /* ---- forms ---- */
  function choosePair(root) {
    const type = root.querySelector("[name=type]");
    if (!type) return;
    function show() {
      const wantsAdvert = ["sale", "let"].includes(type.value);
      for (const cell of root.querySelectorAll("[data-pair]")) {
        const input = cell.querySelector("input");
        const isWanted = !type.value || (cell.dataset.pair === "advert") === wantsAdvert;
        cell.hidden = !isWanted && !(input && input.value) && !cell.classList.contains("errors");
      }
    }
    type.addEventListener("change", show);
    show();
  }

  function countCharacters(input) {
    const limit = Number(input.dataset.limit);
    const counter = document.createElement("span");
    counter.className = "lm-counter";
    input.insertAdjacentElement("afterend", counter);
    function show() {
      const length = Array.from(input.value).length;
      counter.textContent = length > limit * 0.8 ? `${length} of ${limit}` : "";
      counter.classList.toggle("lm-over", length > limit);
    }
    input.addEventListener("input", show);
    show();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add-row], [data-drop-row], [data-copy]");
    if (!button) return;
    if (button.hasAttribute("data-copy")) {
      const words = button.querySelector("[data-copy-words]");
      navigator.clipboard.writeText(button.dataset.copy).then(() => {
        words.textContent = "Copied";
        window.setTimeout(() => { words.textContent = "Copy"; }, 1500);
      });
      return;
    }
    const rows = button.closest("[data-rows]");
    if (button.hasAttribute("data-add-row")) {
      const all = rows.querySelectorAll("[data-row]");
      const fresh = all[all.length - 1].cloneNode(true);
      fresh.querySelectorAll("input").forEach((input) => { input.value = ""; });
      all[all.length - 1].after(fresh);
      fresh.querySelector("input").focus();
      return;
    }
    const row = button.closest("[data-row]");
    if (rows.querySelectorAll("[data-row]").length > 1) row.remove();
    else row.querySelectorAll("input").forEach((input) => { input.value = ""; });
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset ? event.target.dataset.ask : "";
    if (question && !window.confirm(question)) event.preventDefault();
  });

  /* ---- a new lead's form, sent once ---- */
  function keepKey(input) {
    // Back to this page shows what was typed; the key must be the one it was sent with, too.
    const known = window.history.state || {};
    if (known.once) input.value = known.once;
    else window.history.replaceState({ ...known, once: input.value }, "");
  }

  function sendOnce(form) {
    const buttons = Array.from(form.elements).filter((one) => one.type === "submit");
    const enable = () => buttons.forEach((one) => { one.disabled = false; });
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      // Not at once: what a disabled button says would not be sent.
      window.setTimeout(() => buttons.forEach((one) => { one.disabled = true; }), 0);
      window.setTimeout(enable, 10000);
    });
    window.addEventListener("pageshow", enable);
  }

  function showEmpty(toggle) {
    const root = toggle.closest(".lm-lead");
    function show() {
      root.classList.toggle("lm-show-empty", toggle.checked);
      localStorage.setItem("leadsShowEmpty", toggle.checked ? "1" : "");
    }
    toggle.checked = localStorage.getItem("leadsShowEmpty") === "1";
    toggle.addEventListener("change", show);
    show();
  }

  /* ---- a rule, tried as it stands in the form ---- */
  function tryRule(panel) {
    const form = document.querySelector("[data-rule-form] form");
    const answer = panel.querySelector("[data-try-answer]");
    const lead = panel.querySelector("[data-try-lead]");
    let timer = 0;
    let turn = 0;
    async function ask() {
      const mine = ++turn;
      const data = new FormData(form);
      data.set("rule", panel.dataset.rule);
      if (lead) data.set("lead", lead.value);
      answer.classList.add("lm-waiting");
      const reply = await fetch(panel.dataset.try, { method: "POST", body: data, credentials: "same-origin" }).catch(() => null);
      if (mine !== turn) return;
      answer.classList.remove("lm-waiting");
      if (reply && reply.ok) answer.innerHTML = await reply.text();
      else answer.textContent = "This could not be tried just now. Nothing was changed; try again.";
    }
    const now = panel.querySelector("[data-try-now]");
    if (now) now.addEventListener("click", ask);
    if (!("tryLive" in panel.dataset)) return;
    function soon() {
      window.clearTimeout(timer);
      timer = window.setTimeout(ask, 400);
    }
    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    lead.addEventListener("input", soon);
    ask();
  }

  function openTab() {
    const name = window.location.hash.slice(1);
    const tab = Array.from(document.querySelectorAll("[data-tab]")).find((one) => one.dataset.tab === name);
    if (tab) tab.click();
  }

  document.addEventListener("alpine:initialized", openTab);

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-live]").forEach(follow);
    const clock = document.querySelector("[data-now]");
    const behind = clock ? Date.parse(clock.dataset.now) - Date.now() : 0;
    window.setInterval(() => tick(behind), 5000);
    document.querySelectorAll("[data-live-page]").forEach(followPage);
    document.querySelectorAll("[data-pairs]").forEach(choosePair);
    document.querySelectorAll("[data-limit]").forEach(countCharacters);
    document.querySelectorAll("[data-try]").forEach(tryRule);
    document.querySelectorAll("[data-show-empty]").forEach(showEmpty);
    document.querySelectorAll("input[name=once]").forEach((one) => { keepKey(one); sendOnce(one.form); });
    document.querySelectorAll("[data-shown]").forEach((one) => { one.dataset.html = one.innerHTML; });
  });
})();
