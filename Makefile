# Two commands matter: `make demo` shows the whole job on a made-up store, `make check test` is what CI runs.
# Needs Python 3.11 or newer, pip and make; everything else is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# One compute thread a test process: several test processes with several threads each would only get in each
# other's way.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

.DEFAULT_GOAL := help
.PHONY: help demo test check bench format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.12   another Python for .venv (now: $(PYTHON))"
	@echo "  ARGS='-k images'    more arguments for pytest (test) or for shelfwise demo (demo)"

demo: $(VENV)/.installed ## a made-up store: generate, train, evaluate, predict, report (in demo-out/)
	$(BIN)/shelfwise demo --out demo-out $(ARGS)

test: $(VENV)/.installed-dev ## the whole test suite, on up to four processes
	@tests/setup/install_system_packages.sh
	$(ONE_THREAD) $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

check: $(VENV)/.installed-dev ## formatting, lint, types, doctests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(ONE_THREAD) $(BIN)/python -m pytest --doctest-modules src

bench: $(VENV)/.installed-dev ## every program of benchmarks/, one table each
	@set -e; for program in benchmarks/bench_*.py; do \
		if [ ! -e "$$program" ]; then echo "No benchmarks/bench_*.py to run."; exit 1; fi; \
		echo "== $$program"; $(BIN)/python "$$program"; \
	done

format: $(VENV)/.installed-dev ## format the code and fix what lint can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove .venv and everything generated
	rm -rf $(VENV) demo-out bench-out build dist src/*.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment that could not be finished is removed, or the next call would take it for a whole one.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "shelfwise needs Python 3.11 or newer; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)."; \
		echo "Install one, or name one that is there: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; } >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu it is a package of its own: python3-venv." >&2; exit 1; }

# The stamps: a second call installs nothing unless pyproject.toml has changed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing shelfwise into $(VENV) (a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing shelfwise and its development tools into $(VENV) (a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed
