"""Without any model: a second, similar function is suggested from the first, in real Neovim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.editors.nvim import Neovim
from tests.support.lsp.client import server_command

pytestmark = pytest.mark.editor

FIRST = """\
from shop import Basket, Shop


def test_an_apple_is_counted_once():
    shop = Shop("corner")
    basket = Basket(shop)
    basket.add("apple", price=3)
    assert basket.total() == 3
    assert basket.count("apple") == 1


def test_a_pear_is_counted_once():
"""
BEGUN = '    shop = Shop("corner")'
REST = [
    "    basket = Basket(shop)",
    '    basket.add("apple", price=3)',
    "    assert basket.total() == 3",
    '    assert basket.count("apple") == 1',
]
ASK = (
    "local c = vim.lsp.get_clients({bufnr = 0, name = 'qwen_lsp'})[1]"
    " return c:request_sync('workspace/executeCommand', {command = 'qwen_lsp.' .. select(1, ...),"
    " arguments = {select(2, ...)}}, 20000, 0).result"
)


@pytest.fixture
def vim(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neovim]:
    """A Neovim whose server uses no model, with nothing in its caches."""
    monkeypatch.setenv("QWEN_LSP_ENGINE_KIND", "none")
    neovim = Neovim(tmp_path)
    neovim.setup(server_command(), keymaps=True)
    yield neovim
    neovim.close()


def test_a_second_similar_function_is_suggested_from_the_first(vim: Neovim, tmp_path: Path) -> None:
    file = tmp_path / "project" / "test_shop.py"
    file.parent.mkdir()
    file.write_text(FIRST)
    vim.edit(file)
    vim.nvim.command("setlocal noautoindent indentexpr=")
    vim.type(f"Go{BEGUN}<CR>    ")
    head = [*FIRST.splitlines(), BEGUN]
    wanted = [*head, *REST]
    sources = []
    while vim.lines != wanted:
        if vim.lines[-1].strip() in ("", *REST) and len(vim.lines) > len(head) and vim.lines[-1].strip():
            vim.type("<CR>    ")  # a finished line: the user goes on to the next
            vim.until(lambda: vim.lines[-1] == "    ", "a new line")
        vim.until(vim.ghost, "ghost text from the first function")
        status = vim.lua(ASK, "status")
        sources.append(status["last"]["source"])
        before = vim.lines
        vim.type("<Tab>")
        vim.until(lambda before=before: vim.lines != before, "the suggestion is in the buffer")  # type: ignore[misc]
        assert vim.lines == wanted[: len(vim.lines)]
    assert status["state"] == "none"
    assert "from your code" in status["message"]
    assert set(sources) <= {"recall", "typed-through"}
    assert "recall" in sources
