# Targets for people: `make` lists them. Internals: .venv/.ready-* are stamps of what is installed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SUFFIXES:
.NOTPARALLEL:

PORT ?= 8000
SANDBOX_PORT ?= 8100
export PORT SANDBOX_PORT

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
CODE := integrations leads leadmirror benchmarks tests

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.ready-base ## The whole program with invented leads, on http://localhost:8000 (PORT, SANDBOX_PORT)
	@exec $(BIN)/python -m leadmirror.demo

.PHONY: install
install: $(VENV)/.ready-dev ## Make .venv ready for work on the program

$(VENV)/.ready-python:
	@python=; \
	for name in python3.11 python3.12 python3.13 python3 python; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed, and none was found on the PATH." >&2; exit 1; fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python lacks venv. On Debian: apt-get install python3-venv." >&2; exit 1; fi; \
	"$$python" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.ready-base: requirements/base.txt | $(VENV)/.ready-python
	@echo "Installing what the program needs ..."
	@$(PIP) -r requirements/base.txt
	@touch $@

$(VENV)/.ready-dev: requirements/base.txt requirements/dev.txt | $(VENV)/.ready-python
	@echo "Installing what the program and its tests need ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@ $(VENV)/.ready-base

.PHONY: test
test: install ## Lint, types, floors, migrations and every test that this machine allows
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash tests/run.sh

.PHONY: lint
lint: install ## Style and floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

.PHONY: types
types: install ## mypy, strictly
	@$(BIN)/mypy

.PHONY: format
format: install ## Put the code into its shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: install ## Every figure that README quotes, measured here
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python -m "benchmarks.$$(basename "$$file" .py)"; done

.PHONY: bench-long
bench-long: install ## Hours: the refresh schedule at full size; finished parts are kept in var/bench-freshness.jsonl
	@$(BIN)/python -m benchmarks.freshness --size full --keep var/bench-freshness.jsonl

.PHONY: chaos
chaos: install ## 90 s of killed workers and a misbehaving remote, then everything counted
	@CHAOS_SECONDS=90 CHAOS_LEADS=440 $(BIN)/pytest -q -s tests/processes/test_chaos.py

.PHONY: campaign
campaign: install ## Hours: 100,000 seeds of the push engine's simulation, every mutant, every crash point on every broker
	@$(BIN)/python -m tests.simulation.campaign --seeds 100000 --mutants 3000
	@CAMPAIGN=1 $(BIN)/pytest -q tests/processes/test_killed_sending.py

.PHONY: lock
lock: install ## Pin versions and hashes of requirements/*.in
	@command -v uv >/dev/null || { echo "uv is needed to pin versions (pip install uv)." >&2; exit 1; }
	@for name in base dev; do \
	  uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	    --no-emit-find-links requirements/$$name.in -o requirements/$$name.txt; \
	done

.PHONY: clean
clean: ## Remove what was installed and cached; var/ and its leads stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
