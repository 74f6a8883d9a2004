# make demo, make test, make check, make bench; make canvas, make chaos, make beats and make soak take their
# time. Each makes its own environment first.
.PHONY: demo test check bench canvas chaos beats soak reliability clean

# Tests start Python hundreds of times: what it has compiled is kept, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("asynq needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=python3.11 …") if sys.version_info < (3, 11) else None'
	@echo "· making the environment in $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m examples.demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py

bench: $(STAMP)
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

canvas: $(STAMP)
	@CANVAS_EXAMPLES=2000 $(BIN)/python -m pytest -q -n 2 --timeout 3600 tests/canvas/test_any_canvas.py $(ARGS)

chaos: $(STAMP)
	@$(BIN)/python -m tests.chaos $(ARGS)

beats: $(STAMP)
	@$(BIN)/python -m tests.chaos.beats $(ARGS)

reliability: $(STAMP)
	@$(BIN)/python -m benchmarks.reliability $(ARGS)

soak: $(STAMP)
	@EVERY_SERVER=1 $(BIN)/python -m pytest -q -n 2 tests/chaos
	@$(BIN)/python -m tests.chaos.soak $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
