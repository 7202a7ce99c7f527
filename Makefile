# One command for each need; `make` alone lists them. Everything is installed into $(VENV), from the tested versions.
# Where the index serves torch with CUDA and this machine has no use for it: make demo PIP_EXTRA="--extra-index-url URL".
PYTHON ?= python3.11
VENV ?= .venv
PIP_EXTRA ?=

SHELL := /bin/bash
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check install --constraint constraints.txt $(PIP_EXTRA)
CODE := forecast flows dashboards tests

# Small networks: a second thread that spins costs more than it gives.
export OMP_WAIT_POLICY ?= PASSIVE
# Real data lie beside the checkout where there are any; tests that need them are skipped elsewhere, saying so.
ifneq ($(wildcard ../shared/data),)
export FORECAST_TEST_DATA ?= $(abspath ../shared/data)
endif

.PHONY: help demo test check lint bench clean
help:
	@echo "make demo    install, then walk the whole path on a small example"
	@echo "make test    the tests"
	@echo "make check   format, lint, types and tests: what the continuous integration runs"
	@echo "make bench   the benchmarks, each with its figures"
	@echo "make clean   remove what was installed and built (working data stay)"

demo: $(VENV)/.installed
	$(BIN)/forecast demo
	@echo "(these commands are in $(BIN): . $(BIN)/activate)"

test: $(VENV)/.tests
	$(BIN)/python -m pytest

check: lint test

lint: $(VENV)/.tests
	$(BIN)/ruff format --check $(wildcard $(CODE))
	$(BIN)/ruff check $(wildcard $(CODE))
	$(BIN)/mypy

bench: $(VENV)/.tests
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# torch first and alone: the largest part, and the one where PIP_EXTRA matters. No build isolation: the build backend
# is pinned like everything else.
$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python 3.11 with venv is needed: PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing into $(VENV) (once, some minutes)"
	$(PIP) setuptools
	$(PIP) torch
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/.tests: $(VENV)/.installed
	$(PIP) --no-build-isolation --editable '.[test]'
	@touch $@
