"""`python -m qwen_lsp` is `qwen-lsp`."""

from qwen_lsp.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
