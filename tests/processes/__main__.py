"""Answers a test's questions from inside a house: JSON lines in, JSON lines out."""

import json
import os
import sys
from typing import Any

import django


def main() -> None:
    """Until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    django.setup()
    from tests.processes import inside

    for line in sys.stdin:
        name, arguments = json.loads(line)
        answers.write(json.dumps(answer(inside, name, arguments)) + "\n")
        answers.flush()


def answer(inside: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What the function returned, or what it raised."""
    try:
        return {"result": getattr(inside, name)(**arguments)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
