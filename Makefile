# Tasks for contributors. `make` sets up .venv with the core built; PYTHON names the interpreter.
PYTHON ?= python3
RUN = .venv/bin/python
C_FILES = $(shell find src_c tests/codec/core -name '*.[ch]' -o -name '*.inc')

.PHONY: all build test quick slow gen lint bench ci nightly clean
all: .venv/ready

.venv/ready: pyproject.toml setup.py
	$(PYTHON) -m venv .venv
	SMARTREST_EXT=require $(RUN) -m pip install -e '.[dev]'
	touch $@

build: .venv/ready      # the compiled core, after a change in C or Cython
	SMARTREST_EXT=require $(RUN) setup.py build_ext --inplace

test: build             # the quick tests: two minutes
	$(RUN) -m pytest -n auto

quick: build            # the codec, and the repository's own rules
	$(RUN) -m pytest -n auto tests/codec/contract tests/codec/property tests/codec/core tests/house

slow: build             # brokers, foreign tools, exhaustive checks; then the tests that measure
	$(RUN) -m pytest -n 4 -m "slow and not alone and not nightly"
	$(RUN) -m pytest -m alone

gen: .venv/ready        # every file of the repository that a program writes
	$(RUN) tools/gen_constants.py > src_c/codec/sr_constants.h
	$(RUN) tools/gen_powers.py > src_c/codec/sr_powers.h
	$(RUN) tools/gen_templates.py
	$(RUN) tools/copy_docstrings.py

lint: .venv/ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy --strict
	if command -v clang-format; then clang-format --dry-run -Werror $(C_FILES); fi

bench: build
	$(RUN) -m benchmarks

ci:                     # every check, on fresh clones of the last commit: 15 minutes
	bash .ci/run

nightly:                # what takes too long for it: half an hour
	bash .ci/nightly

clean:
	rm -rf build .venv *.egg-info smartrest/*.so smartrest/_build.json
