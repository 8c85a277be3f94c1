# Everything a person types here. `make help` is made from the comments behind the targets.

PYTHON ?= python3
UV_VERSION := 0.13.8
# Taken from the PATH when it is there; otherwise the stamp rule below puts a private one into .uv/.
UV ?= $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
SOAK ?= full
BENCH ?=

BIN := .venv/bin
STAMP := .venv/.synced
RUN := $(BIN)/python -X utf8
# Where Python may write no bytecode by itself, each process would rewrite the asserts of all tests anew: twelve seconds.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(RUN) -m pytest

# Outside of tests/soak, tests that are marked as too long for each change: what starts and kills processes, the whole demo,
# many at once, everybody on every page, every page in the browser, in one size and theme (SOAK=short) or in all of them, and
# journeys that do by hand what a test of the page does too.
MARKED := tests --ignore=tests/soak --ignore=tests/benchmarks -m soak

# What `manage.py check --deploy` sees: the settings of a production machine, with secrets made for the moment.
PRODUCTION_ENV = env -u DEBUG -u DEMO -u HTTPS \
	SECRET_KEY="$$($(RUN) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	PAYMENT_WEBHOOK_SECRETS="$$($(RUN) -c 'import secrets; print(secrets.token_urlsafe(32))')" \
	ALLOWED_HOSTS=callboard.example.com BASE_URL=https://callboard.example.com

.DEFAULT_GOAL := help
.PHONY: help demo test soak check bench format screenshots clean compiled

help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: compiled ## Run everything with demo data: http://127.0.0.1:8000 (WEB_PORT, TEMPORAL_PORT, TEMPORAL_UI_PORT, DATA_DIR)
	@$(RUN) manage.py demo

test: compiled ## Run the test suite; needs Chromium or its headless shell (CHROMIUM=path, else found on the PATH)
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: compiled ## Kills, races and volume: SOAK=short (ten to twenty minutes) or SOAK=full (more than an hour)
	SOAK=$(SOAK) $(PYTEST) tests/soak -o addopts="-ra --strict-markers" -o timeout=1500 $(ARGS)
	$(if $(ARGS),,SOAK=$(SOAK) $(PYTEST) $(MARKED) -n 2 --dist loadfile --no-loadscope-reorder \
		-o addopts="-ra --strict-markers" -o timeout=600)

check: $(STAMP) ## Check format, lint, types, migrations and the settings for production
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	DEBUG=1 $(BIN)/mypy .
	DEBUG=1 $(RUN) manage.py makemigrations --check --dry-run
	$(PRODUCTION_ENV) $(RUN) manage.py check --deploy --fail-level WARNING

bench: compiled ## Measure, each figure beside its baseline; BENCH=orders runs one group; also written to DATA_DIR/bench.json
	BENCH=$(BENCH) $(RUN) -m tests.benchmarks

format: $(STAMP) ## Put the code into its format and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(STAMP) ## Make the README's pictures anew, from a demo of its own
	$(RUN) -m tests.screenshots

clean: ## Remove .venv, .uv and caches; keeps var/, where the demo's data is
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis

# One environment for all: what uv.lock names, the development group too. Downloads come from PyPI only, never a Python.
# Compiled once: each of our processes starts in a third of the time, also where Python may write no bytecode by itself.
$(STAMP): uv.lock pyproject.toml | $(if $(findstring .uv/,$(UV)),.uv/bin/uv)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Callboard needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Set PYTHON=/path/to/python3."; exit 1; }
	UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --quiet --compile-bytecode --all-groups --python "$$(command -v $(PYTHON))"
	@touch $@

# Our own code too: each process that a test starts would compile it anew where Python may write no bytecode by itself.
compiled: $(STAMP)
	@$(RUN) -m compileall -q dashboard orders approvals campaigns temporal_worker tests

.uv/bin/uv:
	@command -v $(PYTHON) >/dev/null || { echo "Callboard needs Python 3.11 or newer. Set PYTHON=/path/to/python3."; exit 1; }
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
