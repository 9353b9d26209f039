#!/usr/bin/env bash
# What `make test` does, step by step. Goes on after a failure, so that one run shows everything; says it all at the end.
set -uo pipefail
cd "$(dirname "$0")/.."

SKIPS_FILE=$(mktemp)
export SKIPS_FILE
trap 'rm -f "$SKIPS_FILE"' EXIT
failed=()
began=$SECONDS

step() {
  local name=$1
  shift
  echo
  echo "== $name"
  local from=$SECONDS
  "$@" || failed+=("$name")
  echo "   ($((SECONDS - from)) s)"
}

# pytest answers 5 where nothing was selected, which is no failure of a pass.
tests() {
  pytest -q "$@"
  local code=$?
  [ "$code" -eq 5 ] || return "$code"
}

postgres_answers() {
  python -c 'import sys; from tests.services import find_postgres; sys.exit(find_postgres() is None)'
}

step "ruff check" ruff check .
step "ruff format" ruff format --check .
step "floors" lint-imports --no-cache
step "types" mypy
step "migrations" env DJANGO_SETTINGS_MODULE=tests.settings python manage.py makemigrations --check --dry-run
step "tests" tests -n 2 -m "not serial"
step "tests that start processes" tests -m serial
if postgres_answers; then
  step "database tests on PostgreSQL" env TEST_DATABASE=postgres pytest -q -n 2 -m "not serial"
else
  echo "no PostgreSQL answers: the database tests ran on SQLite only" >>"$SKIPS_FILE"
fi

echo
if [ -s "$SKIPS_FILE" ]; then
  echo "Skipped, because of this machine:"
  sort "$SKIPS_FILE" | uniq -c | sed 's/^/  /'
  case "${REQUIRE_ALL:-}" in "" | 0) ;; *) failed+=("nothing may be skipped with REQUIRE_ALL") ;; esac
fi
echo "Took $((SECONDS - began)) s."
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
echo "All green."
