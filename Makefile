# Two commands matter: `make demo` shows the whole job on a made-up store, `make check test` is what CI runs.
# Needs Python 3.11 or newer, pip and make; everything else is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
FUZZ_SECONDS ?= 60
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# One compute thread a test process: several test processes with several threads each would only get in each
# other's way.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

.DEFAULT_GOAL := help
.PHONY: help demo test check bench format clean fuzz sbom

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.12   another Python for .venv (now: $(PYTHON))"
	@echo "  ARGS='-k images'    more arguments for pytest (test), shelfwise demo (demo), benchmarks/run_all.py (bench)"

demo: $(VENV)/.installed ## a made-up store: generate, train, evaluate, predict, report (in demo-out/)
	$(BIN)/shelfwise demo --out demo-out $(ARGS)

test: $(VENV)/.installed-dev ## the whole test suite, on up to four processes
	@tests/setup/install_system_packages.sh
	$(ONE_THREAD) $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

check: $(VENV)/.installed-dev ## formatting, lint, types, doctests, known vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(ONE_THREAD) $(BIN)/python -m pytest --doctest-modules src
	@$(BIN)/python tests/setup/audit_packages.py

bench: $(VENV)/.installed-dev ## every benchmark in a short form; JSON in bench-out/, beside the last release
	$(BIN)/python benchmarks/run_all.py $(ARGS)

fuzz: $(VENV)/.installed-dev ## spoiled files of all kinds, and 20 kills of a training (20 minutes; FUZZ_SECONDS=600 for more)
	$(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS)
	$(BIN)/python tests/fuzz/fuzz_model_folders.py
	$(ONE_THREAD) SHELFWISE_TEST_KILLS=20 $(BIN)/python -m pytest tests/test_resuming.py

sbom: $(VENV)/.installed-dev ## every installed package with its version, as CycloneDX (sbom.cdx.json)
	$(BIN)/pip-audit --local --format cyclonedx-json --output sbom.cdx.json

format: $(VENV)/.installed-dev ## format the code and fix what lint can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove .venv and everything generated
	rm -rf $(VENV) demo-out bench-out fuzz-out sbom.cdx.json build dist src/*.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
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
