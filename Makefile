# Every command sets up what it needs first; tools/boot.py does the work and needs only Python.
# Arguments: make run ARGS="--port 9000", make test ARGS="-k ledger".
PYTHON ?= python3
ARGS ?=
BOOT = @$(PYTHON) tools/boot.py

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench lock

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

setup: ## set up everything: virtual environment, front end, a browser for the tests
	$(BOOT) setup $(ARGS)

run: ## start the whole product with a demo world on http://127.0.0.1:8000
	$(BOOT) run $(ARGS)

test: ## run all tests: Python, front end, and journeys in a real browser
	$(BOOT) test $(ARGS)

check: ## lint, format check and types, of Python and TypeScript
	$(BOOT) check $(ARGS)

bench: ## print the benchmark tables
	$(BOOT) bench $(ARGS)

lock: ## compile the pinned requirements anew
	$(BOOT) lock $(ARGS)
