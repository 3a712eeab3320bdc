python := .venv/bin/python

.PHONY: run test lint fuzz bench bench-refresh bench-housekeeping bench-people docs lock

run:
	./run

test:
	./test

lint: | .venv
	tools/lint.sh

# The differential fuzzer in full: our verifier against libxmlsec1 and signxml.
fuzz: | .venv
	$(python) -m tests.differential.fuzz --count 20000

# CPU time of sign-ins against a floor measured in the same run.
bench: | .venv
	$(python) -m benchmarks

# Refresh of metadata: what one costs, an idle worker, and 2,000 at once beside sign-ins.
bench-refresh: | .venv
	$(python) -m benchmarks --refresh

# Purge and seal beside sign-ins. Ten minutes at 100 a second: python -m benchmarks.housekeeping --minutes 10
bench-housekeeping: | .venv
	$(python) -m benchmarks.housekeeping --backlog 100000

# Lists: 100,000 people by every order, search and filter, a file of 50,000, and 1,000,000 attempts.
bench-people: | .venv
	PEOPLE_IN_TESTS=100000 $(python) -m pytest -q -n0 tests/flows/people/test_scale.py
	$(python) -m benchmarks.people
	$(python) -m benchmarks.attempts

docs: | .venv
	tools/venv.sh requirements-docs.lock
	$(python) -m mkdocs build --strict

# What is locked stays; name what is to move: tools/lock.sh -P flask
lock:
	tools/lock.sh

.venv:
	tools/venv.sh requirements-test.lock
