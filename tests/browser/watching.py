"""What no page may do, noticed on every page that a test opens."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Dialog, Page, Response


class Watch:
    """Remembers dialogs nobody expects, script errors, console errors and files that did not come."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.questions: set[str] = set()
        self.static_files: set[str] = set()

    def follow(self, page: Page) -> None:
        """Watch this page too."""
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("response", self._note_response)
        page.on("dialog", self._answer)

    def check(self) -> None:
        """Fail for what was seen."""
        assert not self.problems, "\n".join(self.problems)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location['url']})")

    def _note_response(self, response: Response) -> None:
        if "/static/" in response.url:
            self.static_files.add(response.url)
        if response.status >= 400:
            self.problems.append(f"{response.status} for {response.url}")

    def _answer(self, dialog: Dialog) -> None:
        """Say yes to an expected question; anything else is a problem."""
        if dialog.message in self.questions:
            dialog.accept()
        else:
            self.problems.append(f"dialog: {dialog.message}")
            dialog.dismiss()
