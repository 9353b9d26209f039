"""Every name that the program reads from the environment is in .env.example, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
READERS = {"str", "bool", "int", "float", "list", "db_url", "url", "email_url"}


def _read_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in READERS
            and getattr(node.func.value, "id", "") == "env"
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(str(node.args[0].value))
    return names


def test_the_example_lists_exactly_what_settings_read():
    example = (ROOT / ".env.example").read_text()
    listed = re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE)
    assert sorted(listed) == sorted(_read_names(ROOT / "leadmirror" / "settings.py"))


def test_every_name_has_a_default_or_is_said_to_be_required():
    example = (ROOT / ".env.example").read_text()
    required = re.findall(r"^([A-Z][A-Z0-9_]+)=", example, re.MULTILINE)
    assert sorted(required) == ["FIELD_ENCRYPTION_KEYS", "HASH_KEY", "SECRET_KEY"]
