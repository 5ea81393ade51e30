# `make run` serves, `make test` tests; both set up what they need first. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run test test-quick test-origin lint format docs bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/runtime ## set up, then serve the dashboard, the API and the workers until Ctrl-C
	@exec $(BIN)/python manage.py run

test: $(VENV)/development ## run every test: all on SQLite, then what touches the database again on PostgreSQL
	$(PYTEST) -n auto --dist loadscope
	$(BIN)/python -m tests.postgres $(PYTEST) -n auto --dist loadscope -m database

test-quick: $(VENV)/development ## run the tests that take no more than a moment, on SQLite
	$(PYTEST) -n auto --dist loadscope -m "not slow"

lint: $(VENV)/development ## check style, types, imports and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint --quiet templates
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/development ## put the code into the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --reformat --quiet templates

test-origin: $(VENV)/runtime ## serve the tests' media on http://127.0.0.1:9000, to try things by hand
	$(BIN)/python -m tests.origin.server --port 9000

docs: $(VENV)/runtime ## write the documentation that is generated from the code
	env -i PATH="$$PATH" ENV_FILE=/dev/null STORAGE_DIR=data $(BIN)/python manage.py settings_table > docs/settings.md

bench: $(VENV)/development ## measure speed and memory against plain yt-dlp
	$(BIN)/python -m bench

lock: $(VENV)/development ## resolve requirements*.in anew, with hashes
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 -o requirements.txt requirements.in
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 -o requirements-dev.txt requirements-dev.in

clean: ## remove what can be made again; data stays
	rm -rf $(VENV) staticfiles build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/runtime: requirements.txt
	@sh scripts/make-venv $(PYTHON) $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/development: requirements-dev.txt $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
