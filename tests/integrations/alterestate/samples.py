"""Recorded shapes of AlterEstate's answers, as files beside the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent.parent / "payloads" / "alterestate"


def sample(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())
