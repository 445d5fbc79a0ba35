# Centrala's tasks. The first run of a task sets up what it needs; stamps in .make/ let later runs start at once.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .make
VENDOR := hub/web/static/vendor

PIP := $(BIN)/pip --quiet --disable-pip-version-check

# Hubs are started hundreds of times in the tests; what is compiled once starts in half the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install run test test-all check format bench chaos messages reference lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP)/runtime $(STAMP)/vendor $(STAMP)/messages $(STAMP)/templates ## set everything up, and start nothing

run: install ## set everything up and start the hub in demo mode
	@$(BIN)/centrala demo

# 1: some failed; 5: there are none.
SECOND_TRY := { code=$$?; [ $$code -eq 5 ] || { [ $$code -eq 1 ] && $(BIN)/python -m scripts.second_try; }; }

test: $(STAMP)/dev $(STAMP)/vendor $(STAMP)/messages $(STAMP)/templates $(STAMP)/servers ## set up the test servers and pass all tests
	$(BIN)/pytest -q -n 3 -m "not slow" --durations=10 || $(SECOND_TRY)
	@echo "The everyday part has passed; now the slow tests."
	$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "slow or hypothesis" --durations=10 || $(SECOND_TRY)

check: $(STAMP)/dev $(STAMP)/messages ## format, lint, types, imports, translations, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy & $(BIN)/pytest --collect-only -qq > /dev/null; wait $$! # which compiles the tests on the other core
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.messages check
	$(BIN)/python -m scripts.reference check

format: $(STAMP)/dev ## bring the code into the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)/dev $(STAMP)/vendor $(STAMP)/messages $(STAMP)/templates $(STAMP)/servers ## measure, each figure beside its floor
	$(BIN)/python -m bench

chaos: $(STAMP)/dev $(STAMP)/vendor $(STAMP)/messages $(STAMP)/templates $(STAMP)/servers ## kill the hub and its servers a thousand times
	$(BIN)/python -m tests.chaos --kills 1000

messages: $(STAMP)/dev ## take new texts into the translation catalogues and compile them
	$(BIN)/python -m scripts.messages update; $(BIN)/python -m scripts.messages compile

reference: $(STAMP)/dev ## write the JSON Schemas and the reference pages anew from the types
	$(BIN)/python -m scripts.reference update

lock: ## resolve the dependencies anew; hashes of every file, no index named
	$(PYTHON) -m venv $(STAMP)/lock
	$(STAMP)/lock/bin/pip install --quiet pip-tools==7.6.2
	$(STAMP)/lock/bin/pip-compile $(LOCK_OPTIONS) --output-file requirements.lock pyproject.toml
	$(STAMP)/lock/bin/pip-compile $(LOCK_OPTIONS) --extra dev --output-file requirements-dev.lock pyproject.toml

LOCK_OPTIONS := --quiet --generate-hashes --strip-extras --allow-unsafe --all-build-deps --no-header --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

clean: ## remove what make has made; data stays
	rm -rf $(STAMP) .venv node_modules $(VENDOR)

$(STAMP):
	@mkdir -p $@

$(BIN)/python: | $(STAMP)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Centrala needs Python 3.11 or newer; name it with make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Install venv first: apt-get install python3-venv" >&2; exit 1; }

# Packages by their hashes, then our own by its folder: what is edited is what runs. Where the tests' packages are
# installed already, they stay.
$(STAMP)/runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the Python packages into .venv; the first time takes a minute or two."
	@$(PIP) install --require-hashes -r $(if $(wildcard $(STAMP)/dev),requirements-dev.lock,requirements.lock)
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP)/dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing the Python packages and those of the tests into .venv; the first time takes a minute or two."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(STAMP)/runtime

$(STAMP)/vendor: package-lock.json | $(STAMP)
	@command -v npm >/dev/null || { echo "Install node and npm first: apt-get install nodejs npm" >&2; exit 1; }
	@npm ci --silent --ignore-scripts
	@mkdir -p $(VENDOR)
	@cp node_modules/htmx.org/dist/htmx.min.js $(VENDOR)/
	@touch $@

$(STAMP)/messages: $(wildcard hub/locale/*/LC_MESSAGES/centrala.po) | $(STAMP)
	@$(BIN)/python -m scripts.messages compile
	@touch $@

# Pages work without this, but the first one after a start would hold up all others while it is compiled.
$(STAMP)/templates: requirements.lock $(shell find hub connectors -name '*.html') | $(STAMP)
	@$(BIN)/python -m scripts.templates
	@touch $@

# Succeeds without a stamp where servers are missing and may not be installed: their tests are then skipped, by name.
$(STAMP)/servers: scripts/install-test-servers | $(STAMP)
	@scripts/install-test-servers && touch $@
