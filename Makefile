# Two commands to know: `make demo` and `make test`. Everything else serves those who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NUMERIC := tests/audio/test_quality.py tests/kernels $(patsubst %,tests/features/test_%.py,descriptors extractor \
	pipeline pooling spectrum) tests/bundles/test_self_test.py tests/export/test_rows.py \
	tests/contracts/test_processors.py tests/compat/test_bundles.py

.PHONY: demo test test-generic hardening check bench lock clean

demo: $(VENV)/.demo
	$(BIN)/auricle demo -o demo-out

test: $(VENV)/.test
	$(BIN)/pytest -n auto --dist worksteal

# The numeric rooms as a processor without AVX and fused multiply-add computes them, with compiled kernels of its own.
test-generic: $(VENV)/.test
	NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES= NUMBA_CACHE_DIR=$(CURDIR)/$(VENV)/numba-generic \
	NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR" \
	$(BIN)/pytest -n auto --dist worksteal $(NUMERIC)

# What strangers may send and people bring, at length.
hardening: $(VENV)/.test
	AURICLE_FUZZ=200000 AURICLE_GROWTH=10000 $(BIN)/pytest tests/serving/http/test_fuzz.py tests/serving/http/test_growth.py \
		tests/datasets/annotations/test_reader.py tests/datasets/tables/test_text.py tests/training/test_small_numbers.py \
		tests/audio/decoding/test_encoded.py

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script || exit 1; done

# The stamps: each is newer than the pins it was installed from, so a second run installs nothing.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "auricle needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml requirements/run.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.test: pyproject.toml requirements/test.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/test.txt
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@ $(VENV)/.demo

# Pins for every platform and every Python from 3.11 on, resolved once.
lock:
	scripts/lock

clean:
	rm -rf $(VENV) demo-out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
