"""What the demo's processes are told: ports, folders, and keys made once and kept in VAR_DIR/demo.env."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent.parent
REQUESTS_PER_MINUTE = 6000
#: Made at the first start and kept, or a second run could not read what the first one wrote.
KEPT = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "HASH_KEY", "ADMIN_PASSWORD", "LEADPRO_API_KEY")
#: The credentials that the sandbox takes for its other remotes; they open nothing else.
AVIV_CLIENT = ("sandbox-client", "sandbox-secret")
ALTERESTATE_KEY = "sandbox-alterestate-key"


class CannotStart(Exception):
    """The demo cannot start; the message is one line for whoever typed the command."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Where one demo lives."""

    var: Path
    port: int
    sandbox_port: int

    @property
    def url(self) -> str:
        """Where people go."""
        return f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        """Where the imitated remotes are."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def export(self) -> Path:
        """The CSV that the sandbox writes at its start."""
        return self.var / "leadpro-export.csv"

    @property
    def logs(self) -> Path:
        """A file per process."""
        return self.var / "logs"


def read_demo() -> Demo:
    """The demo that PORT, SANDBOX_PORT and VAR_DIR describe. Raises CannotStart."""
    ports = [_read_port("PORT", 8000), _read_port("SANDBOX_PORT", 8100)]
    if ports[0] == ports[1]:
        raise CannotStart(f"PORT and SANDBOX_PORT are both {ports[0]}. Give them different numbers.")
    return Demo(Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve(), *ports)


def _read_port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise CannotStart(f"{name} is {text!r}; it must be a port number.")
    return int(text)


def check_port(name: str, port: int) -> None:
    """Raises CannotStart where something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            raise CannotStart(
                f"Port {port} cannot be used ({problem.strerror}). Choose another: make demo {name}={port + 1}"
            ) from None


def prepare_folder(demo: Demo) -> TextIO:
    """Make VAR_DIR and become its only demo; the open file holds the claim. Raises CannotStart."""
    demo.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (demo.var / "leadmirror.sqlite3").exists() and not (demo.var / "demo.env").exists():
        raise CannotStart(
            f"{demo.var} holds leads that are not the demo's. Choose another folder: make demo VAR_DIR=…"
        )
    demo.logs.mkdir(mode=0o700, exist_ok=True)
    claim = (demo.var / "demo.lock").open("w")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            f"A demo runs in {demo.var} already. Stop it first, or choose another folder with VAR_DIR."
        ) from None
    return claim


def build_environment(demo: Demo) -> dict[str, str]:
    """Every name that matters to the demo, whatever the shell or a .env say; keys are made where there are none."""
    kept = _read_kept(demo.var / "demo.env")
    for name in KEPT:
        kept.setdefault(name, secrets.token_urlsafe(12 if name == "ADMIN_PASSWORD" else 32))
    chosen = {
        **kept,
        "DEBUG": "false",
        "VAR_DIR": str(demo.var),
        "DATABASE_URL": f"sqlite:///{quote(str(demo.var / 'leadmirror.sqlite3'))}",
        "CELERY_BROKER_URL": "filesystem://",
        "PUBLIC_BASE_URL": demo.url,
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "CSRF_TRUSTED_ORIGINS": "",
        "TRUSTED_PROXIES": "",
        "LEADPRO_BASE_URL": f"{demo.sandbox_url}/api/v103",
        "LEADPRO_STATUSES_PATH": "/statuses",
        "LEADPRO_STATUS_BY": "name",
        "LEADPRO_REQUESTS_PER_MINUTE": str(REQUESTS_PER_MINUTE),
        **_build_others(demo),
        "ADMIN_USERNAME": "demo",
        "ADMIN_EMAIL": "demo@example.org",
    }
    write_secret(demo.var / "demo.env", "".join(f"{name}='{value}'\n" for name, value in chosen.items()))
    return chosen


def _build_others(demo: Demo) -> dict[str, str]:
    """What says where the other remotes are."""
    aviv = f"{demo.sandbox_url}/sandbox/seeker-leads/v1"
    return {
        "AVIV_BASE_URL": aviv,
        "AVIV_AUDIENCE": aviv,
        "AVIV_TOKEN_URL": f"{demo.sandbox_url}/oauth/token",
        "AVIV_CLIENT_ID": AVIV_CLIENT[0],
        "AVIV_CLIENT_SECRET": AVIV_CLIENT[1],
        "AVIV_INTERMEDIARY_ID": "",
        "AVIV_BEARER_TOKEN": "",
        "ALTERESTATE_BASE_URL": f"{demo.sandbox_url}/alterestate/api/v1",
        "ALTERESTATE_API_KEY": ALTERESTATE_KEY,
    }


def _read_kept(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value.strip("'") for name, _, value in pairs if name in KEPT and value.strip("'")}


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)
