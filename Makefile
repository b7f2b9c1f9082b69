# The commands of this project; `make help` lists them. Each sets up .venv by itself when needed.
.DEFAULT_GOAL := help
.PHONY: help serve install test test-fast test-editors test-plugins check fix bench lock vscode clean
PYTHON ?= python3
BIN := .venv/bin
# Some containers forbid it; then each of the many processes here compiles all it imports anew, seconds of it.
unexport PYTHONDONTWRITEBYTECODE
WORKERS ?= 2
READY := .venv/.ready
DEV := .venv/.ready-dev
UV := $(shell command -v uv 2>/dev/null)
# uv when it is there, else pip; --no-compile saves a minute of byte-compiling what is never imported.
ifneq ($(UV),)
VENV := uv venv -q --seed --python $(PYTHON) .venv
INSTALL := uv pip install -q --python $(BIN)/python
else
VENV := $(PYTHON) -m venv .venv
INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check --no-compile
endif
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
  --no-annotate --no-header

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 serve") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || { echo "Setting up .venv (a minute, once)" >&2; $(VENV); }
	@$(INSTALL) -r requirements.lock
	@$(INSTALL) --no-deps -e .
	@touch $(READY)

$(DEV): $(READY) requirements-dev.lock
	@$(INSTALL) -r requirements-dev.lock
	@touch $(DEV)

serve: $(READY) ## the page at http://127.0.0.1:7860 and the engine for your editors
	@exec $(BIN)/qwen-lsp serve

install: $(READY) ## put qwen-lsp on your PATH for editors (a link in ~/.local/bin)
	@mkdir -p "$(HOME)/.local/bin"
	@ln -sf "$(CURDIR)/$(BIN)/qwen-lsp" "$(HOME)/.local/bin/qwen-lsp"
	@echo "qwen-lsp is in $(HOME)/.local/bin"
	@case ":$$PATH:" in *":$(HOME)/.local/bin:"*) ;; *) echo "That folder is not on your PATH yet. Add to your shell's start file: export PATH=\"\$$HOME/.local/bin:\$$PATH\"" ;; esac

test-fast: $(DEV) ## ring 1, the instant ring: no process, model, editor or browser; under a minute
	@$(BIN)/python -m pytest -q -m "not model and not process and not editor and not browser and not heavy and not plugins" \
	  -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test: $(DEV) ## rings 1 to 3: models, processes, Neovim, Emacs, Chromium (installed when missing)
	@bash .ci/install-tools every-push
	@$(BIN)/python -m pytest -m "not heavy and not plugins" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 20 $(ARGS)

test-editors: $(DEV) ## ring 4, the heavy tier: VS Code, Helix, Vim, older Neovim, long runs
	@bash .ci/install-tools full
	@$(BIN)/python -m pytest -m heavy $(ARGS)

test-plugins: $(DEV) ## beside nvim-cmp and blink.cmp, whose repositories QWEN_LSP_TEST_PLUGINS holds
	@$(BIN)/python -m pytest -m plugins $(ARGS)

check: $(DEV) ## lint, format, types, import rules, the house
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo && $(BIN)/python .ci/house.py

fix: $(DEV) ## mend what lint and format can mend
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(DEV) ## print the tables of docs/performance.md
	@$(BIN)/python -m benchmarks

EXTENSION := editors/vscode
vscode: $(EXTENSION)/qwen-lsp.vsix ## package the VS Code extension as editors/vscode/qwen-lsp.vsix

$(EXTENSION)/node_modules/.package-lock.json: $(EXTENSION)/package-lock.json
	@cd $(EXTENSION) && npm ci --no-audit --no-fund --loglevel error

$(EXTENSION)/qwen-lsp.vsix: $(EXTENSION)/node_modules/.package-lock.json $(EXTENSION)/package.json \
  $(EXTENSION)/README.md $(wildcard $(EXTENSION)/src/*) $(wildcard $(EXTENSION)/media/*)
	@cd $(EXTENSION) && npm run --silent package

lock: $(DEV) ## choose the newest allowed versions and write requirements.lock
	@$(INSTALL) uv
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) -c requirements.lock --group dev -o requirements-dev.lock

clean: ## remove .venv and what tests left
	@rm -rf .venv artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis
