# The two commands of the README are `make demo` and `make test`.

PYTHON ?= python3
PORT ?= 8000
UV_VERSION = 0.13.9
VENV = .venv
RUN = $(VENV)/bin/python
SETUP = $(VENV)/.ready

.PHONY: demo test test-slow test-all check compliance setup lock

demo: $(SETUP)
	@PORT=$(PORT) exec $(RUN) -m sandbox.demo

# Everything that is not slow, on SQLite, and on PostgreSQL what depends on the database.
test: $(SETUP)
	@$(RUN) -m tests usual

# What `make test` leaves out.
test-slow: $(SETUP)
	@$(RUN) -m tests slow

test-all: $(SETUP)
	@$(RUN) -m tests all

# What the last `make test-all` has shown of 21 CFR, as docs/compliance.md.
compliance: $(SETUP)
	$(RUN) -m tests.compliance

check: $(SETUP)
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(VENV)/bin/djlint --lint --quiet templates sandbox/templates
	$(VENV)/bin/lint-imports
	$(RUN) -m mypy .
	SECRET_KEY=check SANDBOX=idme $(RUN) -m mypy --config-file sandbox/mypy.ini -p sandbox.idme
	SECRET_KEY=check SANDBOX=pharmacy $(RUN) -m mypy --config-file sandbox/mypy.ini -p sandbox.pharmacy
	$(RUN) -m tests.production $(RUN) manage.py check --deploy --fail-level WARNING
	$(RUN) -m tests.production $(RUN) manage.py makemigrations --check --dry-run

setup: $(SETUP)

# Started over when the lock changes or when it was interrupted: the stamp comes last.
$(SETUP): requirements.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed. Name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Setting up $(VENV); this takes about a quarter of a minute."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(VENV)/bin/uv pip install --quiet --python $(RUN) --require-hashes --no-deps -r requirements.lock
	@touch $@

lock: $(SETUP)
	$(VENV)/bin/uv pip compile --quiet pyproject.toml --group dev --universal \
		--python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.lock
