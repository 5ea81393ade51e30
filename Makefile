# `make run` serves, `make test` tests; both set up what they need first. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n auto --dist loadscope --no-loadscope-reorder
WITH_DEFAULTS := env -i PATH="$$PATH" ENV_FILE=/dev/null STORAGE_DIR=data $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help run test test-quick test-origin lint audit format docs messages pictures prove-image bench chaos lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/runtime ## set up, then serve the dashboard, the API and the workers until Ctrl-C
	@exec $(BIN)/python manage.py run

test: $(VENV)/development ## run every test: all on SQLite, then what touches the database again on PostgreSQL
	$(PYTEST) $(PARALLEL)
	$(BIN)/python -m tests.postgres $(PYTEST) $(PARALLEL) -m database

test-quick: $(VENV)/development ## run the tests that take no more than a moment, on SQLite
	$(PYTEST) $(PARALLEL) --nomigrations -m "not slow"

lint: $(VENV)/development ## check style, types, imports and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint --quiet templates
	$(BIN)/python manage.py makemigrations --check --dry-run

audit: $(VENV)/development ## look for weaknesses in the code, the image and, given a network, the pinned packages
	$(BIN)/bandit --quiet --recursive --severity-level medium accounts jobs media_api downloader_project manage.py
	$(BIN)/hadolint Dockerfile
	$(BIN)/python scripts/audit-dependencies $(BIN)/pip-audit requirements.txt

format: $(VENV)/development ## put the code into the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --reformat --quiet templates

test-origin: $(VENV)/runtime ## serve the tests' media on http://127.0.0.1:9000, to try things by hand
	$(BIN)/python -m tests.origin.server --port 9000

docs: $(VENV)/runtime ## write the documentation that is generated from the code
	$(WITH_DEFAULTS) manage.py settings_table > docs/settings.md
	$(WITH_DEFAULTS) manage.py env_example > .env.example
	$(BIN)/python scripts/third-party-notices requirements.txt > docs/licences.md

prove-image: $(VENV)/runtime ## execute the Dockerfile's steps where no engine runs, and have the result work (as root)
	rm -rf build/image/base build/image/build build/image/image build/image/alone build/image/apart build/image/refused
	$(BIN)/python -m deploy.proof build/image

messages: $(VENV)/development ## bring the translations in step with the pages, list what lacks one, compile them
	$(BIN)/python -m tests.catalogues

pictures: $(VENV)/development ## take the README's and the manual's pictures anew, of the real service in a real browser
	$(BIN)/python -m tests.browser.pictures

bench: $(VENV)/development ## measure speed and memory against plain yt-dlp
	$(BIN)/python -m bench

chaos: $(VENV)/development ## break the service in every way, at most ten minutes, and show what was lost
	$(BIN)/python -m tests.chaos

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
