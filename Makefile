# mriloop: `make demo` and `make test` do all the set-up they need (Python >= 3.11, git, make).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= build/demo
PORT   ?= 8765
SERVE  ?= 1

.PHONY: help setup demo test judges lint bench docs lock clean

help:            ## what there is to make
	@grep -hE '^[a-z]+: .*##|^[a-z]+:  *##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(VENV)/.ready ## the locked environment in .venv

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mriloop needs Python 3.11 or newer; say PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || { rm -rf $(VENV); \
	    echo "make: $(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup      ## six patients through the whole loop; SERVE=0 only writes the result
	@$(BIN)/mriloop demo --out $(OUT) $(if $(filter 0,$(SERVE)),--no-serve,--port $(PORT))

test: setup      ## all tests; what needs an absent system component says so
	@$(BIN)/python -m pytest

judges: setup    ## optional: the judges of FHIR and CQL that tests/conformance asks, from npm
	@cd tests/conformance/judges && PATH="$(abspath $(BIN)):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent

lint: setup      ## ruff, mypy --strict, import-linter, guideline linter, docs tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/mriloop guidelines lint
	@$(BIN)/python -m pytest -n 0 tests/docs

bench: setup     ## every benchmark, beside its peers, into docs/benchmarks.md
	@$(BIN)/python -m benchmarks

docs: setup      ## write docs/reference from the code
	@$(BIN)/mriloop reference --out docs/reference

lock:            ## renew requirements.lock (needs uv)
	@uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet --custom-compile-command 'make lock' --output-file requirements.lock

clean:           ## remove what make made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
