# lk-migrate: `make demo` shows it, `make test` tests it. Both make their own environment in .venv/.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test lint format types package field fuzz bench docs clean python-ok

demo: $(STAMP)
	@$(BIN)/python -m lk_migrate.demo

test: $(STAMP)
	PYTHONHASHSEED=0 $(BIN)/python -m pytest -n 2 # the same generated inputs every time; new ones are bench/fuzz.py's

lint: $(STAMP)
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench

format: $(STAMP)
	$(BIN)/ruff check --fix src tests bench
	$(BIN)/ruff format src tests bench

types: $(STAMP)
	$(BIN)/mypy

# What others install, and that it works away from here.
package: | python-ok
	PYTHON="$(PYTHON)" .ci/package

# Public projects that you have at hand: make field CORPUS=corpus.tsv CHECKOUTS=dir
field: $(STAMP)
	$(BIN)/python bench/field.py --corpus "$(CORPUS)" --checkouts "$(CHECKOUTS)"
	$(BIN)/python bench/mains.py --corpus "$(CORPUS)" --checkouts "$(CHECKOUTS)"

fuzz: $(STAMP)
	$(BIN)/python bench/fuzz.py

bench: $(STAMP)
	$(BIN)/python bench/speed.py
	$(BIN)/python bench/compare.py

clean:
	rm -rf build .venv

# uv is many times faster when it is there; plain venv and pip do the same.
$(STAMP): pyproject.toml | python-ok
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv -q --allow-existing -p "$(PYTHON)" $(VENV) && uv pip install -q -p $(BIN)/python -e '.[dev]'; \
	else \
	  "$(PYTHON)" -m venv $(VENV) && $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'; \
	fi
	@touch $(STAMP)

python-ok:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "lk-migrate needs Python 3.10 or newer, and '$(PYTHON)' was not found: install one, or name it: make PYTHON=python3.12 …" >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 15))' || { \
	  echo "lk-migrate needs Python 3.10 to 3.14, and '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1): name another one, e.g. make PYTHON=python3.12 …" >&2; exit 2; }
