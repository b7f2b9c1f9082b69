"""Real Neovim with nvim-cmp and with blink.cmp, which no package registry has: `make test-plugins`, by hand.

QWEN_LSP_TEST_PLUGINS is a folder with the three repositories nvim-cmp, cmp-nvim-lsp and blink.cmp.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.editors.nvim import Neovim
from tests.support.editors.nvim_scene import Scene
from tests.support.scripted_assistant import Line

pytestmark = [pytest.mark.editor, pytest.mark.plugins]

LINES = [Line("é.", ("append(wörd)",))]
CMP = """
local cmp = require('cmp')
require('cmp_nvim_lsp').setup()
cmp.setup({
  sources = { { name = 'nvim_lsp' } },
  completion = { completeopt = 'menu,menuone,noselect' },
  mapping = {
    ['<C-y>'] = cmp.mapping.confirm({ select = true }),
    ['<Tab>'] = cmp.mapping(function(fallback)
      if cmp.visible() then cmp.select_next_item() else fallback() end
    end, { 'i' }),
  },
})
"""
BLINK = """
require('blink.cmp').setup({
  fuzzy = { implementation = 'lua' },
  sources = { default = { 'lsp' } },
  completion = { list = { selection = { preselect = true, auto_insert = false } } },
  keymap = { preset = 'none', ['<C-y>'] = { 'select_and_accept' }, ['<Tab>'] = { 'snippet_forward', 'fallback' } },
})
"""
CMP_ITEMS = """
local cmp = require('cmp')
if not cmp.visible() then return {} end
return vim.tbl_map(function(entry) return entry.completion_item.label end, cmp.get_entries())
"""
BLINK_ITEMS = """
local blink = require('blink.cmp')
if not blink.is_menu_visible() then return {} end
return vim.tbl_map(function(item) return item.label end, blink.get_items())
"""
PLUGINS = {"nvim-cmp": (CMP, CMP_ITEMS), "blink.cmp": (BLINK, BLINK_ITEMS)}


def with_plugin(scene: Scene, plugin: str, text: str = "\n", **options: Any) -> Neovim:
    """Open a file in a Neovim that has the plugin, set up before us, and the other server."""
    folder = Path(os.environ["QWEN_LSP_TEST_PLUGINS"])
    names = ("nvim-cmp", "cmp-nvim-lsp") if plugin == "nvim-cmp" else (plugin,)
    for name in names:
        assert (folder / name / "lua").is_dir(), f"{name} is missing in the folder QWEN_LSP_TEST_PLUGINS"
        scene.vim.nvim.command(f"set rtp+={folder / name}")
        scene.vim.nvim.command(f"runtime! plugin/{'cmp' if 'cmp' in name else name}.lua")
    scene.vim.lua(PLUGINS[plugin][0])
    vim = scene.start(text, LINES, keymaps=True, **options)
    scene.start_other()
    return vim


def type_slowly(vim: Neovim, text: str) -> None:
    """Type into the empty line, each key seen before the next: nvim-cmp looks at keys one by one."""
    vim.type("i")
    vim.until(lambda: vim.mode == "i", "insert mode")
    for end in range(1, len(text) + 1):
        vim.type(text[end - 1])
        vim.until_lines([text[:end]])


def until_items(vim: Neovim, plugin: str, *wanted: str) -> None:
    """Wait until the plugin's menu holds exactly these."""
    vim.until(lambda: sorted(vim.lua(PLUGINS[plugin][1])) == sorted(wanted), f"the menu has {wanted}")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_ghost_text_is_accepted_while_the_plugins_menu_is_up(scene: Scene, plugin: str) -> None:
    vim = with_plugin(scene, plugin)
    type_slowly(vim, "é.app")
    vim.until_ghost("end(wörd)")
    vim.type("<Tab>")
    vim.until_lines(["é.append(wörd)"])


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_plugins_menu_has_the_other_servers_items_and_none_of_ours(scene: Scene, plugin: str) -> None:
    vim = with_plugin(scene, plugin)
    type_slowly(vim, "é.")
    until_items(vim, plugin, "other_item")
    vim.type("<C-y>")
    vim.until_lines(["é.other_item"])


def test_tab_goes_on_to_what_nvim_cmp_made_of_it(scene: Scene) -> None:
    vim = with_plugin(scene, "nvim-cmp")
    type_slowly(vim, "é.")
    until_items(vim, "nvim-cmp", "other_item")
    vim.type("<Tab>")
    vim.until(lambda: vim.lua("return require('cmp').get_selected_entry() ~= nil"), "the next item is chosen")
    vim.type("<C-y>")
    vim.until_lines(["é.other_item"])


def test_neovim_0_10_has_our_suggestion_in_the_menu_of_nvim_cmp(old_scene: Scene) -> None:
    vim = with_plugin(old_scene, "nvim-cmp")
    type_slowly(vim, "é.")
    until_items(vim, "nvim-cmp", "append(wörd)", "other_item")
    vim.type("ap")
    until_items(vim, "nvim-cmp", "append(wörd)")
    vim.type("<C-y>")
    vim.until_lines(["é.append(wörd)"])
