"""Secrets at rest: text encrypted under the keys of FIELD_ENCRYPTION_KEYS, and keyed hashes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableSecret(Exception):
    """A secret in the database was written under a key that FIELD_ENCRYPTION_KEYS no longer lists."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys]
    )


def encrypt(text: str) -> str:
    """Encrypt under the first key. Empty stays empty."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str:
    """Decrypt under any listed key; raises UnreadableSecret."""
    return _decrypt(stored, tuple(settings.FIELD_ENCRYPTION_KEYS)) if stored else ""


@lru_cache(maxsize=64)
def _decrypt(stored: str, keys: tuple[str, ...]) -> str:
    try:
        return _fernet(keys).decrypt(stored.encode()).decode()
    except InvalidToken:
        raise UnreadableSecret(
            "A stored secret cannot be read with the present FIELD_ENCRYPTION_KEYS. Put the old key back"
            " (behind the new one), or enter the secret again."
        ) from None


def keyed_hashes(text: str) -> list[str]:
    """Hex HMAC-SHA256 of the text under each HASH_KEY; the first one is the one to store."""
    return [hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest() for key in settings.HASH_KEYS]
