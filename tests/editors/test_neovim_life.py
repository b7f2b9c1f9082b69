"""Real Neovim 0.12 and 0.10 over time: settings change, the server dies, another one works in the same buffer."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.diary import pids
from tests.support.editors.nvim import Neovim
from tests.support.editors.nvim_scene import Scene
from tests.support.editors.typist import type_fast
from tests.support.lsp.wire import counts
from tests.support.scripted_assistant import Line

pytestmark = pytest.mark.editor

LINES = [Line("é = ", ("wörd(1)",))]
MENU = "return vim.fn.complete_info({'items', 'pum_visible'})"


def suggests(vim: Neovim) -> None:
    """The suggestion comes: as ghost text, or asked for in the completion menu."""
    if vim.lua("return vim.lsp.inline_completion ~= nil"):
        vim.until_ghost("wörd(1)")
        return
    vim.until(lambda: vim.mode == "i", "insert mode")
    vim.nvim.command("set completeopt=menu,menuone")
    vim.type("<C-x><C-o>")
    vim.until(lambda: vim.lua(MENU)["pum_visible"], "the menu is up")
    assert [item["abbr"] for item in vim.lua(MENU)["items"]] == ["wörd(1)"]


def die(scene: Scene) -> None:
    """Kill the server and wait for another one."""
    before = pids(scene.told("settings"))
    os.kill(before[-1], signal.SIGKILL)
    scene.vim.until(lambda: len(pids(scene.told("settings"))) == len(before) + 1, "another server runs")


def test_other_settings_hold_without_a_restart(each_scene: Scene) -> None:
    vim = each_scene.start("x\n", LINES)
    vim.until(lambda: each_scene.told("settings"), "the server knows its settings")
    vim.lua("require('qwen_lsp').setup({ settings = { suggest = { off_languages = {'cobol'} } } })")
    vim.until(lambda: each_scene.told("settings")[-1]["off_languages"] == ["cobol"], "told by setup")
    vim.nvim.command("Qwen language")
    vim.until(
        lambda: sorted(each_scene.told("settings")[-1]["off_languages"]) == ["cobol", "python"],
        "off by command",
    )
    vim.nvim.command("Qwen language")
    vim.until(lambda: each_scene.told("settings")[-1]["off_languages"] == ["cobol"], "on by command")
    messages = vim.nvim.command_output("messages")
    assert "Suggestions for python are off" in messages
    assert "Suggestions for python are on" in messages
    assert len(pids(each_scene.told("settings"))) == 1


def test_a_server_that_dies_is_started_again_and_suggests(each_scene: Scene) -> None:
    vim = each_scene.start("é = \n", LINES)
    vim.until(lambda: each_scene.told("opened"), "the server knows the file")
    die(each_scene)
    vim.until(lambda: len(each_scene.told("opened")) == 2, "it knows the file")
    vim.type("A")
    suggests(vim)


@pytest.mark.heavy
def test_a_server_that_keeps_dying_is_left_alone_until_asked_for(each_scene: Scene) -> None:
    vim = each_scene.start("é = \n", LINES)
    vim.lua("require('qwen_lsp.process').first_wait_ms = 1")
    vim.until(lambda: each_scene.told("opened"), "the server knows the file")
    for deaths in range(1, 6):
        die(each_scene)
        vim.until(lambda: len(each_scene.told("opened")) == deaths + 1, "it knows the file")  # noqa: B023
    os.kill(pids(each_scene.told("settings"))[-1], signal.SIGKILL)
    vim.until(lambda: "died 6 times" in vim.nvim.command_output("messages"), "the user is told")
    vim.nvim.command("Qwen restart")
    vim.until(lambda: len(each_scene.told("opened")) == 7, "asked for, it runs again")
    vim.type("A")
    suggests(vim)


def test_restart_stops_one_server_and_starts_one(each_scene: Scene) -> None:
    vim = each_scene.start("é = \n", LINES)
    vim.until(lambda: each_scene.told("opened"), "the server knows the file")
    vim.nvim.command("Qwen restart")
    vim.until(lambda: len(each_scene.told("opened")) == 2, "a fresh one knows the file")
    vim.type("A")
    suggests(vim)
    assert "deprecated" not in vim.nvim.command_output("messages")
    assert len(pids(each_scene.told("settings"))) == 2
    assert len(each_scene.told("close")) == 1


def test_the_status_is_told_and_stands_in_the_status_line(each_scene: Scene) -> None:
    vim = each_scene.start("x = \n", [])
    vim.nvim.command("Qwen status")
    vim.until(lambda: "No model is used" in vim.nvim.command_output("messages"), "the status is shown")
    vim.nvim.command("Qwen toggle")
    vim.until(lambda: vim.lua("return require('qwen_lsp').status()") == "○ Qwen", "the status line knows")
    vim.until(lambda: "Suggestions are off." in vim.nvim.command_output("messages"), "the user is told")


def test_a_fast_typist_in_0_10_gets_exactly_what_was_typed(old_scene: Scene) -> None:
    vim = old_scene.start_watched([Line("def add(", ("a, b):\n    return a + b\n",))])
    vim.lua("vim.bo.omnifunc = 'v:lua.vim.lsp.omnifunc' vim.bo.autoindent = false vim.bo.indentexpr = ''")
    vim.nvim.command("set completeopt=menuone,noselect")
    vim.type("i")
    keys = {"Enter": "<CR>", "Backspace": "<BS>"}
    asks = iter(range(1_000_000))

    def letter(char: str) -> None:
        vim.type(char)
        if char == "(" and next(asks) % 2 == 0:
            vim.type("<C-x><C-o>")  # 0.10 asks by key

    typed = type_fast(letter, lambda key: vim.type(keys[key]), 10)
    vim.until(lambda: "\n".join(vim.lines) == typed, "the buffer is what was typed")
    vim.until(
        lambda: old_scene.told("changed")[-1]["text"].rstrip("\n") == typed.rstrip("\n"), "the server has it"
    )
    assert old_scene.told("ask")
    vim.until(lambda: not set.difference(*counts(old_scene.wire)), "every request is answered")


@pytest.mark.parametrize(("choice", "last"), [("1", "    return a + 1"), ("2", "    return a")])
def test_a_doubtful_edit_is_made_only_when_the_user_agrees(each_scene: Scene, choice: str, last: str) -> None:
    changed = '```python\ndef é(a):\n    """Return a."""\n    return a + 1\n```'
    vim = each_scene.start_actions("é = 1\f\ndef é(a):\n    return a\n", changed)
    vim.type("jj")
    vim.apply_action("Document")
    vim.until(lambda: vim.mode[0] in "cr", "the question")
    vim.type(f"{choice}<CR>")
    vim.until(lambda: vim.mode == "n", "it is answered")
    document = ['    """Return a."""'] if choice == "1" else []
    vim.until_lines(["é = 1\f", "def é(a):", *document, last])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_neovim_0_10_keeps_the_suggestion_in_the_menu_while_it_is_typed_into(
    old_scene: Scene, newline: str
) -> None:
    vim = old_scene.start(f"é = 1\f{newline}{newline}", [Line("é.app", ("end(wörd)",))])
    vim.nvim.command("set completeopt=menuone,noinsert")
    vim.type("jié.app")
    vim.until(lambda: vim.mode == "i", "insert mode")
    vim.type("<C-x><C-o>")
    vim.until(lambda: vim.lua(MENU)["pum_visible"], "the menu is up")
    vim.type("en")
    vim.until(lambda: vim.lines[1] == "é.appen", "typed")
    vim.type("<C-y>")
    vim.until_lines(["é = 1\f", "é.append(wörd)"])


def test_suggestions_come_in_the_menu_as_well_when_wanted(scene: Scene) -> None:
    settings = {"suggest": {"completion_items": "on"}}
    vim = scene.start("é = 1\f\n", [Line("é.app", ("end(wörd)",))], settings=settings)
    vim.nvim.command("set completeopt=menu,menuone")
    vim.type("oé.app")
    vim.until_ghost("end(wörd)")
    vim.type("<C-x><C-o>")
    vim.until(lambda: vim.lua(MENU)["pum_visible"], "the menu is up")
    vim.type("<C-y>")
    vim.until_lines(["é = 1\f", "é.append(wörd)"])


def test_ghost_text_and_another_servers_menu_do_not_disturb_each_other(scene: Scene) -> None:
    vim = scene.start("\n", [Line("é.", ("append(1)",))], keymaps=True)
    vim.lua(
        "vim.lsp.completion.enable(true, ..., 0, { autotrigger = true }) vim.o.completeopt = 'menuone,noselect'",
        scene.start_other(),
    )
    vim.type("ié.")
    vim.until(lambda: vim.lua(MENU)["pum_visible"], "the other server's menu is up")
    vim.until_ghost("append(1)")
    assert [item["abbr"] for item in vim.lua(MENU)["items"]] == ["other_item"]
    vim.type("<Tab>")
    vim.until_lines(["é.append(1)"])
    vim.type("<CR>é.")
    vim.until(lambda: vim.lua(MENU)["pum_visible"], "the menu again")
    vim.type("<C-n><C-y>")
    vim.until_lines(["é.append(1)", "é.other_item"])


def test_code_actions_of_both_servers_are_offered(scene: Scene) -> None:
    vim = scene.start_actions("é = 1\f\n", "")
    scene.start_other()
    titles = vim.lua(
        "local titles = {}"
        " vim.lsp.buf.code_action({ filter = function(action) table.insert(titles, action.title) return false end })"
        " vim.wait(20000, function() return vim.tbl_contains(titles, 'Other') and #titles > 1 end)"
        " return titles"
    )
    assert {"Other", "Explain this code"} <= set(titles)
