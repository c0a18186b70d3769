# `make demo` and `make test` are all a newcomer needs; `make check` is the developers' door.
# make PYTHON=… names the Python to use; ARGS="-k words" goes to pytest; VENV=… keeps several apart.

VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
LOCKER := .venv-lock
AUDITOR := .venv-audit

.PHONY: help demo demo-llama test faults check format lock audit samples screenshots bench scoreboard fuzz clean venv

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: venv ## an agent loses a tool turn, and Kimitap shows where (no model, no key)
	@$(BIN)/kimitap demo

demo-llama: venv ## the same against a real llama-server with a small real model
	@scripts/demo-llama.sh $(BIN)/python

test: venv ## all tests, those against a real llama-server included
	@$(BIN)/python -m pytest $(ARGS)

# How it holds out for hours: python -m bench.soak --agents 5 --minutes 60 (bench/README.md).
faults: venv ## the faults at length: 200 kills of each kind, a lock of 35 s (half an hour)
	@KIMITAP_TEST_KILLS=200 KIMITAP_TEST_LOCKED_S=35 \
		$(BIN)/python -m pytest --log-cli-level=INFO tests/faults $(ARGS)

check: venv ## format, lint, strict types, and all tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: venv ## put the source into its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

samples: venv ## record the two sample recordings of sessions/ anew
	@$(BIN)/python scripts/make_samples.py

screenshots: venv ## draw the pictures of the README and of docs/ anew
	@$(BIN)/python scripts/screenshots.py sessions/lost-tool-turn.db sessions/healthy-tool-turn.db \
		docs/screens

bench: venv ## measure what recording costs
	@$(BIN)/python -m bench

scoreboard: venv ## count what the rules find, and write docs/scoreboard.md
	@$(BIN)/python -m tests.scoring

fuzz: venv ## decode thousands of broken exchanges (ARGS="--seed 7 --count 200000")
	@$(BIN)/python -m tests.fuzzing $(ARGS)

# uv resolves for every platform and Python at once; plain pip installs the result.
lock: ## resolve requirements.lock anew, to the newest versions that pyproject.toml allows
	@python=$$(scripts/find-python.sh $(PYTHON)) && $$python -m venv $(LOCKER)
	@$(LOCKER)/bin/python -m pip install --quiet uv
	@$(LOCKER)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.12 \
		--no-emit-index-url --no-annotate --generate-hashes \
		--custom-compile-command "make lock" \
		--group dev pyproject.toml --output-file requirements.lock
	@rm -rf $(LOCKER)

# Strict: a package that the registry does not know, or a registry that cannot be asked, fails it.
audit: ## ask PyPI whether anything in requirements.lock has a known hole
	@python=$$(scripts/find-python.sh $(PYTHON)) && $$python -m venv $(AUDITOR)
	@$(AUDITOR)/bin/python -m pip install --quiet pip-audit
	@$(AUDITOR)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
		--requirement requirements.lock
	@rm -rf $(AUDITOR)

clean: ## remove what was made: environments, caches, the llama-server
	@rm -rf .venv .venv-* .llama .agents .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@scripts/make-venv.sh $(VENV) "$(PYTHON)"
