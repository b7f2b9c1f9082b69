# The commands of this project; `make help` lists them. Each sets up .venv by itself when needed.
.DEFAULT_GOAL := help
.PHONY: help serve test test-editors check fix bench lock vscode clean
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
UV := $(shell command -v uv 2>/dev/null)

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 serve") if sys.version_info < (3, 11) else None'
ifneq ($(UV),)
	@test -x $(BIN)/python || uv venv -q --seed --python $(PYTHON) .venv
	@uv pip install -q --python $(BIN)/python -r requirements.lock && uv pip install -q --python $(BIN)/python --no-deps -e .
else
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
endif
	@touch $(READY)

serve: $(READY) ## the page at http://127.0.0.1:7860 and the engine for your editors
	@exec $(BIN)/qwen-lsp serve

test: $(READY) ## every test but the full editor tier (installs Neovim, Emacs and Chromium when missing)
	@bash .ci/install-tools every-push
	@$(BIN)/python -m pytest -m "not heavy" $(ARGS)

test-editors: $(READY) ## the full editor tier: VS Code, Helix, Vim, older Neovim as well
	@bash .ci/install-tools full
	@$(BIN)/python -m pytest -m heavy $(ARGS)

check: $(READY) ## lint, format, types, import rules
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

fix: $(READY) ## mend what lint and format can mend
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(READY) ## print the tables of docs/performance.md
	@$(BIN)/python -m benchmarks

vscode: ## package the VS Code extension as editors/vscode/qwen-lsp.vsix
	@cd editors/vscode && npm ci --no-audit --no-fund --loglevel error && npm run --silent package

lock: ## choose the newest allowed versions and write requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  --group dev pyproject.toml -o requirements.lock

clean: ## remove .venv and what tests left
	@rm -rf .venv artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis
