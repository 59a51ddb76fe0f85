# The front door. `make run` and `make test` set up what they need by themselves, in .venv.
#
# A second call is instant: a stamp file in .venv remembers what was installed, and is out of date when
# pyproject.toml, setup.py or a C source changes. Nothing here needs Node except `make ui`.

SHELL := /bin/sh
PYTHON ?= python3
CC ?= cc
SPEED ?= 10
PORT ?= 8080
TESTS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py MANIFEST.in $(wildcard native/*.c native/*.h native/fanout/*.c native/fanout/*.h)
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet

.DEFAULT_GOAL := help
.PHONY: help run test check bench ui screenshots campaign clean machine browser node
.DELETE_ON_ERROR:

help: ## say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: $(VENV)/.ready ## run the example hall on PORT (8080) at SPEED (10) hall seconds per second
	@exec $(BIN)/somc run --speed $(SPEED) --port $(PORT)

test: $(VENV)/.ready-for-tests browser node ## run every test (TESTS=tests/domain for some, WORKERS=1 for one process)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile $(TESTS)

check: $(VENV)/.ready-for-tests ## lint, format, types, import rule, freshness of what is generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/web/test_assets_fresh.py tests/scheduler/test_native_sources.py \
	    tests/server/fanout/test_native_fanout.py -k 'assets or glue or guards'

bench: $(VENV)/.ready-for-tests ## measure, and write docs/reference/performance.md
	$(BIN)/python tests/benchmarks/scheduler_churn.py --write
	$(BIN)/python tests/benchmarks/scheduler_native.py --write
	$(BIN)/python tests/benchmarks/scheduler_growth.py --write
	$(BIN)/python tests/benchmarks/http_path.py
	$(BIN)/python tests/benchmarks/simulate_simpy.py --write
	$(BIN)/python tests/benchmarks/codecs.py --write
	$(BIN)/python tests/benchmarks/key_to_display.py --write
	$(BIN)/python tests/benchmarks/button_to_display.py --write
	$(BIN)/python tests/benchmarks/sms_submit.py --write
	$(BIN)/python tests/benchmarks/polled_bus.py --write
	$(BIN)/python tests/benchmarks/idle_devices.py --write
	$(BIN)/python tests/benchmarks/plugin_hooks.py --write
	$(BIN)/python tests/benchmarks/hall_tickets.py --write
	$(BIN)/python tests/benchmarks/fanout.py --write
	$(BIN)/python tests/benchmarks/fanout_stalled.py --write

campaign: $(VENV)/.ready-for-tests ## the searching tests for much longer, then the fuzzers of codecs and C core
	SOMC_CAMPAIGN=1 $(BIN)/pytest -m hypothesis --hypothesis-show-statistics
	SOMC_CAMPAIGN=1 $(BIN)/pytest tests/client/test_reconnects.py
	$(BIN)/python tests/hal/fuzz_codecs.py --inputs 10000000 --seed $$(date +%s)
	sh tests/hal/kit_series.sh 20
	$(BIN)/python -m tests.theory.campaign --seed $$(date +%s)
	$(BIN)/python -m tests.plugins.rogue_campaign
	@mkdir -p native/tests/build
	$(CC) -std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all native/tests/fuzz_scheduler.c \
	    $(filter-out native/_sched.c,$(wildcard native/*.c)) -lm -o native/tests/build/fuzz_scheduler
	native/tests/build/fuzz_scheduler 20000 $$(date +%s)
	$(CC) -std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -DSCHED_TEST_ALLOCATION \
	    native/tests/fuzz_simulate.c $(filter-out native/_sched.c,$(wildcard native/*.c)) -lm \
	    -o native/tests/build/fuzz_simulate
	native/tests/build/fuzz_simulate 5000 $$(date +%s)

ui: ## rebuild the pages from their sources (needs Node 20.19 or newer)
	@command -v npm >/dev/null || { echo "make ui needs Node 20.19 or newer with npm; running SOMC does not" >&2; exit 2; }
	cd somc/web && npm ci --no-audit --no-fund && npm test && npm run build

screenshots: $(VENV)/.ready-for-tests browser ## take the pictures of the pages in docs/images anew
	$(BIN)/python -m tests.browser.screenshots

clean: ## remove what these targets made
	rm -rf $(VENV) build native/tests/build *.egg-info somc/*.so
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './somc/web/node_modules/*' -prune -exec rm -rf {} +

# -- setting up ---------------------------------------------------------------------------------------------

# The first Python on the machine that is new enough: PYTHON, else a python3.X beside it.
FIND_PYTHON = for python in $(PYTHON) python3.13 python3.12 python3.11; do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; done

machine: # what pip cannot bring is looked for first, and all that is missing is named at once
	@$(FIND_PYTHON); \
	if [ -z "$$python" ]; then echo "SOMC needs Python 3.11 or newer as python3 (or: make PYTHON=/path/to/python)" >&2; exit 2; fi; \
	packages=; lacks() { echo "missing: $$1" >&2; packages="$$packages $$2"; }; \
	if [ "$${SOMC_PURE:-}" != 1 ]; then \
	    command -v $(firstword $(CC)) >/dev/null || lacks "a C compiler ($(CC))" gcc; \
	    "$$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' \
	        || lacks "Python's C headers (Python.h)" python3-dev; \
	fi; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "venv with pip (ensurepip)" python3-venv; \
	if [ -n "$$packages" ]; then echo "on Debian: apt-get install$$packages" >&2; exit 2; fi

$(VENV)/.ready: $(SOURCES)
	@$(MAKE) --no-print-directory machine
	@echo "setting up $(VENV) (about a minute the first time)"
	@$(FIND_PYTHON); $(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV) && "$$python" -m venv $(VENV); }
	@$(PIP) install --upgrade 'pip>=25.1' # the first that knows --group
	@$(PIP) --quiet install --editable . # errors only: setuptools warns at length that editable is editable
	@touch $@

$(VENV)/.ready-for-tests: $(VENV)/.ready
	@echo "setting up what the tests need"
	@$(PIP) install --group test --group check
	@touch $@

browser: $(VENV)/.ready-for-tests
	@$(BIN)/python tests/chromium.py

node: $(VENV)/.ready-for-tests
	@$(BIN)/python tests/node.py
