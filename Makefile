# Tasks for contributors. `make` sets up .venv with the core built; PYTHON names the interpreter.
PYTHON ?= python3
RUN = .venv/bin/python
C_FILES = $(shell find src_c tests/core -name '*.[ch]' -o -name '*.inc')

.PHONY: all build test quick slow gen lint bench ci clean
all: .venv/ready

.venv/ready: pyproject.toml setup.py
	$(PYTHON) -m venv .venv
	SMARTREST_EXT=require $(RUN) -m pip install -e '.[dev]'
	touch $@

build: .venv/ready      # the compiled core again, after a change in C or Cython
	SMARTREST_EXT=require $(RUN) setup.py build_ext --inplace

test: build             # the quick tests: two minutes
	$(RUN) -m pytest -n auto

quick: build            # the codec alone: half a minute
	$(RUN) -m pytest -n auto tests/codec tests/house

slow: build             # brokers, foreign tools, exhaustive checks, then what measures
	$(RUN) -m pytest -n 4 -m "slow and not alone"
	$(RUN) -m pytest -m alone

gen: .venv/ready        # everything in the repository that a program writes
	$(RUN) tools/gen_constants.py
	$(RUN) tools/gen_powers.py
	$(RUN) tools/gen_templates.py
	$(RUN) tools/copy_docstrings.py

lint: .venv/ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy --strict
	if command -v clang-format; then clang-format --dry-run -Werror $(C_FILES); fi

bench: build
	$(RUN) -m benchmarks

ci:                     # all of it, from a fresh clone of the last commit
	bash .ci/run

clean:
	rm -rf build .venv smartrest/*.so smartrest/core.c
