# Every target sets up what it needs: a .venv with the project and its development tools,
# made with uv where uv is installed and with python3 and pip where it is not.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test check lint types layers deep bench mutants clean

DEMO := docs/examples/anyio_memory_stream.py

# The demo succeeds when the search does: a failure is what it is there to find.
demo: $(READY)
	@echo "Exploring $(DEMO), which uses anyio as it is published."
	@echo
	@$(BIN)/python -m simclock explore $(DEMO):main; test $$? -eq 1
	@echo
	@echo "That is a real bug. The program: $(DEMO)"

test: $(READY)
	$(PYTEST) -n auto -m "not deep"

check: lint types layers test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy
	$(BIN)/pyright

layers: $(READY)
	$(BIN)/lint-imports

# Long searches: thousands of schedules for every construct, on both backends.
deep: $(VENV)/.published
	$(PYTEST) -n auto -m deep --timeout 3600

bench: $(VENV)/.bench
	$(BIN)/python tests/bench/speed.py
	$(BIN)/python tests/bench/constructs.py
	$(BIN)/python tests/bench/differential.py

# Breaks concurrency in many small ways, one after another, and shows what catches each.
mutants: $(READY)
	$(BIN)/python tests/mutation/prove.py --workers 2

# uv where it is there, else pip; both take the same arguments.
define install
if command -v uv >/dev/null 2>&1; then \
  uv pip install --quiet --python $(BIN)/python $(1); \
else \
  $(BIN)/python -m pip install --quiet $(1); \
fi
endef

$(READY): pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV); \
	else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'; \
	fi
	@$(call install,--editable '.[all]' --group dev)
	@touch $@

# Published implementations, which the kits examine: without them the long search is not whole.
$(VENV)/.published: $(READY)
	@$(call install,--group published)
	@touch $@

# The other simulators need not install everywhere; the benchmark names those it leaves out.
$(VENV)/.bench: $(READY)
	@$(call install,--group bench) || echo "Some contestants did not install and are left out."
	@touch $@

clean:
	rm -rf $(VENV) .venv-3.* .simclock .hypothesis .mypy_cache .pytest_cache .ruff_cache
