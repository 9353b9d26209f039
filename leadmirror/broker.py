"""How to speak to the message broker: bounded connects and no retries, so that a sick one never holds a form."""

from __future__ import annotations

from pathlib import Path


def transport_options(url: str, folder: Path) -> dict[str, object]:
    """Celery's transport options for this broker; makes the folders of the embedded one."""
    if url.startswith("filesystem://"):
        return _files(folder)
    bounded: dict[str, object] = {
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    }
    if url.startswith(("redis://", "rediss://")):
        return {"socket_timeout": 3, "socket_connect_timeout": 1, **bounded}
    return {"connect_timeout": 1, "read_timeout": 3, "write_timeout": 3, **bounded}


def _files(folder: Path) -> dict[str, object]:
    for place in (folder, folder / "queue", folder / "control"):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.1,
    }
