# make repro   install what is pinned, run the pipeline, show the figures
# make check   check every parameter, before a long run
# make preset NAME=kth   set the parameters to the published protocol of a data set (presets/*.yaml)
# make deps    write into dvc.yaml which files each stage imports, after a change of imports
# make test    install what is pinned, look for faults without running anything, run all tests
# make lint    the former alone: ruff and mypy
# make quick   the tests that take a minute: of every room, without whole runs of the pipeline
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3.11
# dvc.yaml says plain `python`: the workspaces of queued experiments have no .venv of their own.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro check preset deps test lint quick

repro: check
	@python -m dvc repro
	@python -m stages.show

check: .venv/installed
	@python -m stages.check

preset: .venv/installed
	@python -m stages.preset $(NAME)

deps: .venv/installed
	@python -m stages.deps

# Two files at a time, one thread each: most tests are too small for more.
PYTEST := OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Whatever runs no stage, no benchmark and no browser, and the rules of the code itself.
QUICK := $(filter-out $(addprefix tests/,__pycache__ benchmarks examples pipeline report stages),$(wildcard tests/*)) \
	$(patsubst %,tests/pipeline/test_%.py,dvc_files layout supply_chain)

test: lint
	@$(PYTEST)

lint: .venv/installed
	@python -m ruff check
	@python -m mypy

quick: .venv/installed
	@$(PYTEST) -m "not slow" $(QUICK)

# Output goes through a loop that speaks up when pip is silent for ten seconds (large downloads, unpacking).
# HASHED=1: of everything but PyTorch only files whose SHA-256 is known.
.venv/installed: requirements.txt requirements-test.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(if $(HASHED),.venv/bin/python -m pip install --no-deps --require-hashes --requirement .ci/requirements-hashed.txt)
	.venv/bin/python -m pip install --requirement requirements-test.txt | \
		while IFS= read -rt 10 line || [ $$? -gt 128 ]; do echo "$${line:-still installing ...}"; done
	@touch $@
