# Everything lives in .venv, made from run.lock, and for those who develop from requirements.lock, which has the same and
# more; nothing is installed anywhere else but by `make test-deps`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-bench
AUDIT := .venv-audit
FUZZ := .venv-fuzz
RUNS := $(VENV)/.runs
DATASETTE := .venv-datasette
READY := $(VENV)/.ready

.PHONY: demo install test test-hosts test-kicks test-waits test-slow test-whole test-apart test-slack test-here chaos fuzz test-deps bench lint lock slack-schema page pictures vulnerabilities clean

$(RUNS): run.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Kickbot needs Python 3.11 or newer; set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement run.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q bot  # as for a package: who runs it later may not write here
	touch $@

$(READY): $(RUNS) requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	touch $@

demo: $(RUNS)             ## the main job on this machine, told as text; then, on a terminal, the same to try in a browser
	$(BIN)/kickbot demo --play
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/kickbot demo; fi

install: $(RUNS)          ## .venv/bin/kickbot, with nothing that only its development needs

# The parts of the suite that run side by side; what is in none of them is the last part.
HOSTS := $(addprefix tests/hosts/test_,crowds.py linux_acts_on_hosts.py linux_driver_on_hosts.py machines.py meanwhile.py \
  protected.py survivors.py warnings.py what_lives_on.py)
WAITS := $(addprefix tests/hosts/test_,holds.py limits.py set_limits.py sweeps.py)
SLOW := tests/browser tests/postgres $(wildcard tests/test_linux_*.py)
WHOLE := tests/chaos $(addprefix tests/test_,cli.py outage.py slow_hosts.py stopping.py too_late.py trail_trouble.py \
  whole_bot.py)
APART := tests/windows tests/datasette tests/fuzz $(wildcard $(addprefix tests/test_,doctor*.py filling.py hostile*.py kit*.py \
  never_alone.py sandbox*.py sources.py streaming.py))
SLACK := $(wildcard $(addprefix tests/test_,brake.py busy_day.py connect.py drops.py emergency.py history.py holds.py home_tab.py \
  http_mode.py kick_forms.py listeners.py many_hands.py mentions.py next_level.py publisher*.py reads.py report_in_the_thread.py \
  sharing.py socket_mode.py *_told.py who_is_called.py))
PARTS := test-hosts test-kicks test-waits test-slow test-whole test-apart test-slack test-here

test: $(READY)            ## every tier of tests that this machine can run; most of it is waiting, so all at once
	@echo "$(words $(PARTS)) parts run side by side: $(PARTS). Each prints its result when it is done."
	@$(MAKE) --no-print-directory --jobs=$(words $(PARTS)) --keep-going --output-sync $(PARTS)

test-hosts: $(READY)      ## on booted hosts: the driver, and what is hard to end
	$(BIN)/pytest $(HOSTS)

test-kicks: $(READY)      ## on booted hosts: whole stories, maintenance, the service
	$(BIN)/pytest tests/hosts $(HOSTS:%=--ignore=%) $(WAITS:%=--ignore=%)

test-waits: $(READY)      ## on booted hosts: what waits for a host's own timers
	$(BIN)/pytest $(WAITS)

test-slow: $(READY)       ## in a browser, on PostgreSQL, and the script on the hosts
	$(BIN)/pytest $(SLOW)

test-whole: $(READY)      ## with the bot as a process: chaos in its short form, stopping, trouble, the command line
	$(BIN)/pytest -W "ignore:unclosed:ResourceWarning" $(WHOLE)  # the sandbox's ends of what a killed bot left

test-apart: $(READY)      ## what stands for something else: Windows on Mono, the sandbox, hosts with the kit, fuzzing, random stories
	$(BIN)/pytest $(APART)

test-slack: $(READY)      ## what people type, click and read, in the sandbox workspace
	$(BIN)/pytest $(SLACK)

test-here: $(READY)       ## all others
	$(BIN)/pytest --ignore=tests/hosts $(SLOW:%=--ignore=%) $(WHOLE:%=--ignore=%) $(APART:%=--ignore=%) $(SLACK:%=--ignore=%)

chaos: $(READY)           ## kill -9 and SIGSTOP at every point, a soak, idle figures: all of it, and a table (an hour and more)
	KICKBOT_CHAOS=long $(BIN)/pytest tests/chaos --show-capture=no
	KICKBOT_AUDIT_TRAILS=10000 KICKBOT_STORIES=20000 $(BIN)/pytest tests/test_audit_verifier.py tests/test_never_alone.py

# atheris guides it by coverage; where it can't be installed, hypothesis does it alone.
$(FUZZ)/.ready: $(READY) tests/fuzz/atheris.lock
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(FUZZ)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(FUZZ)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/fuzz/atheris.lock \
	  || echo "atheris can't be installed here: the fuzzing is not guided"
	touch $@

FUZZ_MINUTES ?= 10
TARGETS := $(addprefix fuzz-,slack looks configuration words acts limits signed quoting)

fuzz: $(FUZZ)/.ready      ## hostile input of every kind, FUZZ_MINUTES=10 for each; what it finds stands in .fuzz/found
	@$(MAKE) --no-print-directory --jobs=2 --keep-going $(TARGETS)

.PHONY: $(TARGETS)
$(TARGETS): fuzz-%: $(FUZZ)/.ready
	$(FUZZ)/bin/python -m tests.fuzz $* $(FUZZ_MINUTES)

test-deps: $(READY) $(DATASETTE)/.ready  ## what some tests need: from the distribution (Debian, as root), and Datasette
	tests/install-deps

$(DATASETTE)/.ready: tests/datasette/datasette.lock
	$(PYTHON) -m venv $(DATASETTE)
	$(DATASETTE)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/datasette/datasette.lock
	touch $@

$(PEERS)/.ready: tests/bench/peers.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/bench/peers.lock
	touch $@

bench: $(READY) $(PEERS)/.ready  ## Kickbot beside clush, pssh, parallel-ssh and ansible on 200 hosts, as root; BENCH="--hosts 20 --rounds 1"
	$(BIN)/python -m tests.bench --peers $(PEERS)/bin $(BENCH)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.licences

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
  --custom-compile-command "make lock"

lock: $(READY)            ## requirements.lock and run.lock from pyproject.toml, and those of other programs that tests start
	$(LOCK) --extra dev --output-file requirements.lock pyproject.toml
	$(LOCK) --extra service --constraint requirements.lock --output-file run.lock pyproject.toml
	$(LOCK) --output-file tests/bench/peers.lock tests/bench/peers.in
	$(LOCK) --output-file tests/datasette/datasette.lock tests/datasette/datasette.in
	$(LOCK) --output-file tests/pip-audit.lock tests/pip-audit.in
	$(LOCK) --output-file tests/fuzz/atheris.lock tests/fuzz/atheris.in

$(AUDIT)/.ready: tests/pip-audit.lock
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/pip-audit.lock
	touch $@

vulnerabilities: $(AUDIT)/.ready  ## known ones of the packages in run.lock, as pip-audit's service has them: it asks the Internet
	$(AUDIT)/bin/pip-audit --requirement run.lock --require-hashes --disable-pip --strict

slack-schema: $(READY)    ## tests/schemas/slack.json from Slack's published types, after a change of their version
	tests/schemas/make-slack $(BIN)/python

page: $(READY)            ## the demo page's app.js and app.css, after a change below bot/sandbox/page/src
	bot/sandbox/page/make-page $(BIN)/python

pictures: $(READY)        ## the README's pictures, as the tests in a browser saw them
	KICKBOT_PICTURES=1 $(BIN)/pytest tests/browser/test_the_whole_story.py tests/browser/test_report_in_a_browser.py

clean:
	rm -rf $(VENV) $(PEERS) $(AUDIT) $(DATASETTE) $(FUZZ) .fuzz .mypy_cache .ruff_cache .pytest_cache
