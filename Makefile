# Everything a person needs, from a fresh machine: `make run` (a demo session), `make test` (all checks).
# Both set the machine up by themselves; nothing is left outside .venv/ and the usual cache folders.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
RELEASE := dist/release
ROOT ?= /
# Test files are dealt to so many processes; with 0 they run in one, as plain `pytest` does.
JOBS ?= 2

# The lock must not depend on the machine that wrote it: no own index, no local wheels.
COMPILE := env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	$(BIN)/python -m piptools compile --quiet --no-config --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

.PHONY: help run setup test check lint types contracts pytest browser systemd appliance fuzz hazards soak fleet mutate bench release install uninstall format lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1 \t\2/p' Makefile | expand -t 16

run: $(READY) ## a whole simulated session, live in this terminal
	$(BIN)/micropen simulate $(ARGS)

test: check pytest ## every check there is

check: lint types contracts ## style, types and import walls, without running the program

setup: $(READY) ## the virtual environment, from the lock

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

pytest: $(READY) browser systemd ## the tests alone; make pytest ARGS="-k ledger"
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

browser: ## Chromium, for the tests of the screen
	@sh requirements/browser.sh

systemd: ## systemd-analyze, for the tests of the units
	@sh requirements/systemd.sh

appliance: $(READY) ## a Debian in a folder: install, session, kill, update, uninstall; sudo make appliance
	$(BIN)/python -m tests.appliance $(ARGS)

hazards: $(READY) ## docs/hazards.md anew, from the tests' marks and their last results
	$(BIN)/python -m tests.support.hazards > docs/hazards.md.new
	mv docs/hazards.md.new docs/hazards.md

soak: $(READY) ## trials full of faults; make soak SEED=1 PUNCTURES=100000 ARGS="--jobs 2"
	$(BIN)/python -m tests.soak --seed $(or $(SEED),1) --punctures $(or $(PUNCTURES),100000) $(ARGS)

fleet: $(READY) ## 200 simulated pens calibrated, then judged by what they really give; make fleet SEED=1 PENS=200
	$(BIN)/python -m tests.fleet --pens $(or $(PENS),200) --seed $(or $(SEED),1) $(ARGS)

mutate: $(READY) ## small faults that tests must notice, and docs/mutation.md anew; ARGS="ledger"
	$(BIN)/python -m tests.mutation $(ARGS)

fuzz: $(VENV)/fuzz-ready ## parsers against a coverage-guided fuzzer; make fuzz TARGET=plans SECONDS=600
	$(BIN)/python -m tests.fuzz $(or $(TARGET),frames) --seconds $(or $(SECONDS),60) $(ARGS)

bench: $(READY) ## speed and memory against floors of the same run; a quiet machine helps
	$(BIN)/python -m tests.benchmark

release: ## dist/release/, what install and update take; ARGS=--wheelhouse for a machine without internet
	@sh requirements/system.sh $(PYTHON)
	@$(PYTHON) -B -m controller.service.appliance.packing $(RELEASE) $(ARGS)

install: ## sudo make install: onto this machine, as a service; ROOT=/mnt/image for an image
	@test "$$(id -u)" = 0 || { echo "Only root may install: sudo make install" >&2; exit 1; }
	@$(MAKE) --no-print-directory release
	@$(PYTHON) -B -m controller.service.appliance install --release $(RELEASE) --root $(ROOT)

uninstall: ## sudo make uninstall: off this machine; record and config stay
	@$(PYTHON) -B -m controller.service.appliance uninstall --root $(ROOT)

format: $(READY) ## put the sources into the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## bring requirements/ up to pyproject.toml; ARGS=--upgrade for newer versions
	$(COMPILE) $(ARGS) --extra demo --extra report -o requirements/run.txt pyproject.toml
	$(COMPILE) $(ARGS) --extra demo --extra report --extra dev -c requirements/run.txt \
		-o requirements/dev.txt pyproject.toml
	sed -n '/^setuptools==/,/[^\\]$$/p' requirements/dev.txt > requirements/build.txt
	$(COMPILE) $(ARGS) --extra fuzz -c requirements/dev.txt -o requirements/fuzz.txt pyproject.toml

clean: ## forget the environment and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info

# The stamp is written last: an interrupted set-up starts again.
$(READY): requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV)/ (about half a minute)"
	$(BIN)/python -m pip install -qq --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/fuzz-ready: requirements/fuzz.txt | $(READY)
	$(BIN)/python -m pip install -qq --require-hashes -r requirements/fuzz.txt
	touch $@

$(BIN)/python:
	sh requirements/system.sh $(PYTHON)
	$(PYTHON) -m venv --clear $(VENV)
