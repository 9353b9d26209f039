"""Which servers and browsers this machine offers to the tests, found by asking them."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache

import psycopg
import redis
from kombu import Connection as BrokerConnection


@lru_cache
def find_postgres() -> str | None:
    """URL of a server on which this user may make databases."""
    named = os.environ.get("TEST_POSTGRES_URL")
    for url in (
        [named] if named else ["postgres://postgres@127.0.0.1:5432/postgres", "postgres://postgres@/postgres"]
    ):
        try:
            with psycopg.connect(url, connect_timeout=3) as connection:
                row = connection.execute(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
            if row and row[0]:
                return url
        except psycopg.Error:
            continue
    return None


@lru_cache
def find_redis() -> str | None:
    """URL of a Redis without a database number."""
    url = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379").rstrip("/")
    client = redis.Redis.from_url(url, socket_connect_timeout=3)
    try:
        client.ping()
    except redis.RedisError:
        return None
    finally:
        client.close()
    return url


@lru_cache
def find_rabbitmq() -> str | None:
    """URL of a RabbitMQ's virtual host."""
    url = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
    try:
        with BrokerConnection(url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1)
    except Exception:
        # Whatever its transport raises: no broker answers there.
        return None
    return url


@lru_cache
def find_chromium() -> str | None:
    """Path of a browser that Playwright can drive."""
    named = os.environ.get("CHROMIUM")
    for name in [named] if named else ["chromium", "chromium-browser", "google-chrome"]:
        if path := shutil.which(name):
            return path
    return None
