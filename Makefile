# AnyDay. Two commands matter: `make demo` shows it, `make test` proves it.
# Both install what they need into .venv; nothing else is touched, and no root is needed.
#
#   make demo [PORT=8000]     serve a crew with settled and open questions
#   make test [T=tests/...]   every test, file by file on up to four processors; or some
#   make check                ruff, mypy --strict, the house rules
#   make bench                the figures, as a table and as bench-results/*.json
#   make docs                 write the generated pages again
#   make lock                 pin the newest packages again (needs uv)
#   make clean                remove what was built or measured, and .venv

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs lock clean

BIN := .venv/bin
RUN := .venv/.installed-run
TEST := .venv/.installed-test

# A .venv that was moved or whose Python is gone is made again.
ifneq ($(wildcard .venv),)
  ifneq ($(shell $(BIN)/python -c 'print(1)' 2>/dev/null),1)
    $(shell rm -rf .venv)
  endif
endif

help:
	@sed -n 's/^#   //p' Makefile

$(RUN): requirements-run.lock pyproject.toml scripts/install.sh
	@scripts/install.sh requirements-run.lock
	@touch $@

$(TEST): requirements.lock pyproject.toml scripts/install.sh
	@scripts/install.sh requirements.lock
	@touch $@ $(RUN)

demo: $(RUN)
	@$(BIN)/anyday demo $(if $(PORT),--port $(PORT))

test: $(TEST)
	@$(BIN)/python -m pytest $(or $(T),-n auto --maxprocesses 4 --dist loadfile)

check: $(TEST)
	@echo "ruff: style, imports and common mistakes"
	@$(BIN)/ruff check --quiet .
	@echo "mypy --strict: types"
	@$(BIN)/mypy --no-error-summary
	@echo "house rules: tests/test_layout.py"
	@$(BIN)/python -m pytest -q tests/test_layout.py

bench: $(TEST)
	@$(BIN)/python -m bench $(ARGS)

docs: $(TEST)
	@$(BIN)/python scripts/generate_docs.py

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade --no-annotate --no-header --quiet \
	    --extra test --extra build --output-file requirements.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet \
	    --constraint requirements.lock --extra build --extra passkeys --extra oidc --output-file requirements-run.lock

clean:
	rm -rf .venv build dist bench-results test-artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
