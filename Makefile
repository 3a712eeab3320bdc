python := .venv/bin/python

.PHONY: run test lint fuzz bench docs lock

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

docs: | .venv
	tools/venv.sh requirements-docs.lock
	$(python) -m mkdocs build --strict

# What is locked stays; name what is to move: tools/lock.sh -P flask
lock:
	tools/lock.sh

.venv:
	tools/venv.sh requirements-test.lock
