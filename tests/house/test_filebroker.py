"""The broker in files: what is half written is not there yet."""

from __future__ import annotations

from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from leadmirror import filebroker


@pytest.fixture
def channel(tmp_path, monkeypatch):
    folder = tmp_path / "queue"
    folder.mkdir()
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(tmp_path / "control"),
    }
    (tmp_path / "control").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Connection(transport=filebroker.Transport, transport_options=options) as connection:
        yield connection.default_channel


def test_a_message_being_written_is_not_read(channel, monkeypatch):
    write, seen = Path.write_text, []

    def write_slowly(path, text, **options):
        written = write(path, text[: len(text) // 2], **options)
        with pytest.raises(Empty):
            channel._get("leadmirror")
        seen.append(path)
        return write(path, text, **options) and written

    monkeypatch.setattr(Path, "write_text", write_slowly)
    channel._put("leadmirror", {"body": "a doorbell"})
    assert len(seen) == 1
    assert channel._get("leadmirror") == {"body": "a doorbell"}
    assert list(Path(channel.data_folder_in).iterdir()) == []


def test_the_table_of_an_exchange_is_never_seen_empty(channel, monkeypatch):
    write = Path.write_text

    def write_slowly(path, text, **options):
        write(path, "", **options)
        assert channel.get_table("leadmirror") == []
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_slowly)
    channel._queue_bind("leadmirror", "leadmirror", "", "leadmirror")
    channel._queue_bind("leadmirror", "other", "", "other")
    assert {row.queue for row in channel.get_table("leadmirror")} == {"leadmirror", "other"}
    assert [file.name for file in channel.control_folder.iterdir()] == ["leadmirror.exchange"]


def test_the_program_uses_it():
    from kombu.transport import TRANSPORT_ALIASES

    import leadmirror.celery  # noqa: F401

    assert TRANSPORT_ALIASES["filesystem"] == "leadmirror.filebroker:Transport"
