# make repro   install what is pinned, run the pipeline, show the figures
# make check   check every parameter, before a long run
# make preset NAME=kth   set the parameters to the published protocol of a data set (presets/*.yaml)
# make deps    write into dvc.yaml which files each stage imports, after a change of imports
# make test    install what is pinned, look for faults without running anything, run all tests
# make lint    the former alone: ruff and mypy
# make quick   the tests that take a minute: of every room, without whole runs of the pipeline
# macOS has make 3.81 and bash 3.2: no .SHELLFLAGS, and `read -t` that tells a pause from the end of its input.
SHELL := /bin/bash
PYTHON ?= python3.11
# dvc.yaml says plain `python`: the workspaces of queued experiments have no .venv of their own.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

NO_GIT := error: no git repository here (an unpacked ZIP?); run `git init && git add . && git commit -m start`, or do \
	without experiments: `.venv/bin/dvc config --local core.no_scm true`; then the same again

.PHONY: repro check preset deps test lint quick

repro: check
	@git rev-parse --git-dir >/dev/null 2>&1 || grep -qs no_scm .dvc/config.local || { echo '$(NO_GIT)' >&2; exit 2; }
	@python -m dvc repro
	@python -m stages.show

check: .venv/installed
	@python -m stages.check

preset: .venv/installed
	@python -m stages.preset $(NAME)

deps: .venv/installed
	@python -m stages.deps

# Two files at a time, one thread each: most tests are too small for more. A crash ends the run, where a worker started
# anew would leave it waiting for ever.
PYTEST := OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
# Whatever runs no stage, no benchmark and no browser, and the rules of the code itself.
QUICK := $(filter-out $(addprefix tests/,__pycache__ benchmarks examples pipeline report stages),$(wildcard tests/*)) \
	$(patsubst %,tests/pipeline/test_%.py,documents dvc_files layout supply_chain)

test: lint
	@$(PYTEST)

lint: .venv/installed
	@python -m ruff check
	@python -m mypy

quick: .venv/installed
	@$(PYTEST) -m "not slow" $(QUICK)

# Speaks up every ten seconds, since pip is silent for long (large downloads, unpacking).
# HASHED=1: of everything but PyTorch only files whose SHA-256 is known.
.venv/installed: requirements.txt requirements-test.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(if $(HASHED),.venv/bin/python -m pip install --no-deps --require-hashes --requirement .ci/requirements-hashed.txt)
	@while sleep 10 >/dev/null 2>&1; do echo "still installing ..."; done & trap "kill $$!" EXIT; \
		.venv/bin/python -m pip install --requirement requirements-test.txt
	@touch $@
