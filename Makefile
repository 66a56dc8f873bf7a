# Short ways to the few commands of daily work; each sets up what it needs in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
INSTALL = @$(PYTHON) fleet/install.py

# What make would expand ($) or a shell would split reaches `make say` as it was typed.
override export TEXT := $(value TEXT)
override export VOICE := $(value VOICE)
override export OUT := $(value OUT)

.PHONY: run say test test-fast check bench bench-gpu chaos report screenshots

run:
	$(INSTALL) embedded -m fleet.run

say:
	$(INSTALL) embedded -m fleet.say

test:
	$(INSTALL) test -m pytest $(ARGS)

test-fast:
	$(INSTALL) test -m pytest -m "not slow and not browser" $(ARGS)

# The type checker reads Django's settings, and the required ones have no default.
check: export SECRET_KEY = only-for-the-type-checker
check: export DATABASE_URL = postgresql://nobody@/nothing?host=/nowhere
check: export REDIS_URL = unix:///nowhere?db=0
check:
	$(INSTALL) test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict .
	.venv/bin/lint-imports

bench:
	$(INSTALL) test -m tests.bench $(ARGS)

bench-gpu:
	$(INSTALL) test -m tests.bench.gpu $(ARGS)

chaos:
	$(INSTALL) test -m tests.chaos $(ARGS)

report:
	$(INSTALL) test -m tests.chaos.report $(ARGS)

screenshots:
	$(INSTALL) test -m tests.browser.screenshots
