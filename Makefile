# make run    sets up, starts the service on port 8080, reads a sample invoice with it
# make test   sets up, runs every test
# The rest are for development; CI and pre-commit call the same targets.

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080

.PHONY: run test test-fast lint format type bench openapi image clean

run: $(VENV)/.service
	@PORT=$(PORT) sh scripts/run.sh $(BIN)

test: $(VENV)/.dev
	sh scripts/debian-packages.sh
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest -x -q -m "not model and not browser"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

type: $(VENV)/.dev
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(VENV)/.dev
	$(BIN)/python -m ocrsvc.contract > openapi.yaml

bench: $(VENV)/.dev
	$(BIN)/ocrsvc bench
	$(BIN)/python -m bench.memory

image:
	docker build -f docker/Dockerfile -t ocrsvc .

$(BIN)/python:
	python3 -m venv $(VENV)

$(VENV)/.service: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test,training,bench]'
	@touch $@ $(VENV)/.service

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .coverage dist build
