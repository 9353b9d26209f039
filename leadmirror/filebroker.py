"""The broker in files, without its race: a message is never seen half written. Nothing here knows what is in one.

kombu writes a message into the very file that a worker may move away and read meanwhile; what the worker then reads is
empty, and it ends with "Unrecoverable error: JSONDecodeError". https://github.com/celery/kombu/issues/1551
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Files appear under their names when they are complete."""

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        try:
            _write_whole(Path(self.data_folder_out) / name, dumps(payload))
        except OSError as problem:
            raise ChannelError(f"Cannot add {name!r} to {self.data_folder_out}") from problem

    def _get(self, queue: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._get(queue)
        except FileNotFoundError:
            # Somebody deleted the folder: the worker goes on with an empty one, and the sweep finds what was lost.
            for folder in (self.data_folder_in, self.control_folder):
                Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            raise Empty from None

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        file: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]
        if not file.exists():
            _write_whole(file, "[]", replace=False)
        super()._queue_bind(exchange, *binding)


class Transport(filesystem.Transport):
    """kombu's, with our channel."""

    Channel = Channel


def _write_whole(file: Path, text: str, *, replace: bool = True) -> None:
    """All of the file or nothing. Without ``replace`` what is there already stays."""
    partial = file.with_name(f"{file.name}.{uuid4().hex}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        if replace:
            partial.replace(file)
        else:
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(partial)
    finally:
        partial.unlink(missing_ok=True)


def install() -> None:
    """Have every connection of this process whose URL begins with filesystem:// use it."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
