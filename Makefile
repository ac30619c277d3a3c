# make run    starts everything on this machine and prints where to click; Ctrl-C stops it (docs/operations.md)
# make test   runs every test and check on a real PostgreSQL; ARGS="tests/unit -k codes" runs some of them
# make bench  measures how fast it is, beside the limits of its own PostgreSQL; ARGS=--quick for a minute of it
# make format lays out the code

PY := .venv/bin/python
export PYTHONUNBUFFERED := 1
unexport DJANGO_SETTINGS_MODULE

.PHONY: run test bench format environment environment-dev

run: environment
	@exec $(PY) manage.py run --stop-with-parent

test: environment-dev
	@$(PY) -m pytest $(ARGS)

bench: environment-dev
	@$(PY) -m benchmarks $(ARGS)

format: environment-dev
	@$(PY) -m ruff check --fix-only --quiet . && $(PY) -m ruff format --quiet .

environment:
	@.ci/environment requirements.lock

environment-dev:
	@.ci/environment requirements-dev.lock
