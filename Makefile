# make repro   install what is pinned, run the pipeline, show the figures
# make check   check every parameter, before a long run
# make preset NAME=kth   set the parameters to the published protocol of a data set (presets/*.yaml)
# make deps    write into dvc.yaml which files each stage imports, after a change of imports
# make test    install what is pinned, run all tests
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3.11
# dvc.yaml says plain `python`: the workspaces of queued experiments have no .venv of their own.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro check preset deps test

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
test: .venv/installed
	@OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Output goes through a loop that speaks up when pip is silent for ten seconds (large downloads, unpacking).
# HASHED=1: of everything but PyTorch only files whose SHA-256 is known.
.venv/installed: requirements.txt requirements-test.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(if $(HASHED),.venv/bin/python -m pip install --no-deps --require-hashes --requirement .ci/requirements-hashed.txt)
	.venv/bin/python -m pip install --requirement requirements-test.txt | \
		while IFS= read -rt 10 line || [ $$? -gt 128 ]; do echo "$${line:-still installing ...}"; done
	@touch $@
