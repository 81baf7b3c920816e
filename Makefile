# Everything lives in .venv, made from requirements.lock; nothing is installed anywhere else but by `make test-deps`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo install test test-booted test-slow test-here chaos test-deps lint lock slack-schema page pictures clean

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Kickbot needs Python 3.11 or newer; set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY)            ## the main job on this machine, told as text; then, on a terminal, the same to try in a browser
	$(BIN)/kickbot demo --play
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/kickbot demo; fi

install: $(READY)         ## .venv/bin/kickbot, and what it is developed with

SLOW := tests/browser tests/postgres tests/chaos $(wildcard tests/test_linux_*.py)

test: $(READY)            ## every tier of tests that this machine can run; most of it is waiting, so all at once
	@echo "Booted hosts, slow tests and all others run side by side; each part prints its result when it is done."
	@$(MAKE) --no-print-directory --jobs=3 --keep-going --output-sync test-booted test-slow test-here

test-booted: $(READY)     ## the tests on booted hosts
	$(BIN)/pytest tests/hosts

test-slow: $(READY)       ## those in a browser, on PostgreSQL, of the script on the hosts, and chaos in its short form
	$(BIN)/pytest $(SLOW)

test-here: $(READY)       ## all others
	$(BIN)/pytest --ignore=tests/hosts $(SLOW:%=--ignore=%)

chaos: $(READY)           ## kill -9 and SIGSTOP at every point, a soak, idle figures: all of it, and a table (an hour and more)
	KICKBOT_CHAOS=long $(BIN)/pytest tests/chaos --show-capture=no

test-deps: $(READY)       ## what the tests on booted hosts need from the distribution (Debian, as root)
	tests/install-deps

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(READY)            ## requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --extra dev --python-version 3.11 \
	  --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

slack-schema: $(READY)    ## tests/schemas/slack.json from Slack's published types, after a change of their version
	tests/schemas/make-slack $(BIN)/python

page: $(READY)            ## the demo page's app.js and app.css, after a change below bot/sandbox/page/src
	bot/sandbox/page/make-page $(BIN)/python

pictures: $(READY)        ## the README's pictures, as the tests in a browser saw them
	KICKBOT_PICTURES=1 $(BIN)/pytest tests/browser/test_the_whole_story.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
