"""Real Neovim 0.12 with our plugin; the language server is real, what it suggests is written down."""

from __future__ import annotations

from pathlib import Path

import pynvim
import pytest

from tests.support.editors.nvim import PLUGIN, Neovim
from tests.support.editors.nvim_scene import Scene
from tests.support.editors.typist import type_fast
from tests.support.lsp.scripted_server import scripted_command
from tests.support.lsp.wire import counts
from tests.support.scripted_assistant import Line, write_script

pytestmark = pytest.mark.editor


def test_ghost_text_shows_and_tab_accepts_it_all(scene: Scene) -> None:
    vim = scene.start("é = 1\f\n\n", [Line("def f(", ("a):\n    return a\n",))], keymaps=True)
    vim.type("jidef f(")
    vim.until_ghost("a):\n    return a\n")
    vim.type("<Tab>")
    vim.until_lines(["é = 1\f", "def f(a):", "    return a", ""])
    assert vim.nvim.current.window.cursor == (4, 0)
    vim.until(lambda: scene.told("accepted"), "the server hears of it")
    assert scene.told("accepted")[0]["chars"] is None


def test_tab_is_a_tab_when_there_is_no_suggestion(scene: Scene) -> None:
    vim = scene.start("x\n", [], keymaps=True)
    vim.type("A<Tab>y")
    vim.until_lines(["x   y"])


@pytest.mark.parametrize(
    ("key", "pieces"),
    [
        ("<M-Right>", [" one", " +", " tẃo", "\ny"]),
        ("<M-Down>", [" one + tẃo", "\ny = é"]),
    ],
)
def test_words_and_lines_are_accepted_one_by_one(scene: Scene, key: str, pieces: list[str]) -> None:
    suggestion = " one + tẃo\ny = é"
    vim = scene.start("", [Line("x =", (suggestion,))], keymaps=True)
    vim.type("ix =")
    taken = ""
    for piece in pieces:
        vim.until_ghost(suggestion[len(taken) :])
        vim.type(key)
        taken += piece
        vim.until_lines(f"x ={taken}".split("\n"))
    chars = None if taken == suggestion else len(pieces[-1])
    vim.until(lambda: scene.told("accepted")[-1]["chars"] == chars, "the server hears how much was taken")


def test_typing_into_the_suggestion_keeps_the_rest_and_doubles_nothing(scene: Scene) -> None:
    vim = scene.start("", [Line("pri", ("nt(é, 1)\nend",))], keymaps=True)
    vim.type("ipri")
    vim.until_ghost("nt(é, 1)\nend")
    vim.type("nt(")
    vim.until_ghost("é, 1)\nend")
    # Accepted before Neovim has asked again: 0.12.4 alone would leave what was typed behind the suggestion.
    vim.type("é<Tab>")
    vim.until_lines(["print(é, 1)", "end"])


def test_a_suggestion_that_no_longer_fits_is_never_accepted(scene: Scene) -> None:
    vim = scene.start("", [Line("pri", ("nt(1)",))], keymaps=True)
    vim.type("ipri")
    vim.until_ghost("nt(1)")
    vim.type("x<Tab>")
    vim.type("<Esc>")
    vim.until(lambda: vim.mode == "n", "insert mode is left")
    assert vim.lines == ["prix"]


def test_a_closing_bracket_is_replaced_not_doubled(scene: Scene) -> None:
    vim = scene.start("é = f()\n", [Line("f(", ("a, b)  # two",), swallow=")")], keymaps=True)
    vim.type("f)i")
    vim.until_ghost("a, b)  # two")
    vim.type("<Tab>")
    vim.until_lines(["é = f(a, b)  # two"])


def test_alternatives_are_asked_by_hand_and_gone_through(scene: Scene) -> None:
    vim = scene.start("x = \n", [Line("x = ", ("1", "22", "333"))], keymaps=True)
    vim.type("A")
    vim.until_ghost("1")
    vim.type("<M-Bslash>")
    vim.until(lambda: [e["manual"] for e in scene.told("ask")][-1:] == [True], "asked by hand")
    vim.until_ghost("1")
    vim.type("<M-]>")
    vim.until_ghost("22 (2/3)")
    vim.type("<M-]>")
    vim.until_ghost("333 (3/3)")
    vim.type("<M-[>")
    vim.until_ghost("22 (2/3)")
    vim.type("<Tab>")
    vim.until_lines(["x = 22"])


def test_leaving_insert_mode_cancels_the_question(scene: Scene) -> None:
    vim = scene.start("", [Line("x", hang=True)])
    vim.type("ix")
    vim.until(lambda: scene.told("ask"), "the server is asked")
    vim.type("<Esc>")
    vim.until(lambda: scene.told("cancelled"), "the question is cancelled")


def test_a_file_with_carriage_returns_keeps_them(scene: Scene) -> None:
    vim = scene.start("é = 1\f\r\nif é:\r\n", [Line("if é:", ("\n    é = 2",))], name="dos.py", keymaps=True)
    vim.type("GA")
    vim.until_ghost("\n    é = 2")
    vim.type("<Tab>")
    vim.until_lines(["é = 1\f", "if é:", "    é = 2"])
    vim.type("<Esc>")
    vim.nvim.command("write")
    assert Path(vim.nvim.current.buffer.name).read_bytes() == "é = 1\f\r\nif é:\r\n    é = 2\r\n".encode()


def test_fast_typing_with_corrections_leaves_exactly_what_was_typed(scene: Scene) -> None:
    vim = scene.start("", [Line("def com", ("pose(1, 2)\n    return 3",)), Line("x = ", ("é + 1",))])
    vim.nvim.command("setlocal noautoindent indentexpr=")
    keys = [*"def compux", "<BS>", *"te(a):", "<CR>", *"    é = x = 12", "<BS>", *"+ é", "<CR>", *"done"]
    for key in ["i", *keys]:
        vim.type(key)
    vim.type("<Esc>")
    vim.until(lambda: vim.mode == "n", "typing is done")
    assert vim.lines == ["def compute(a):", "    é = x = 1+ é", "done"]
    text = "\n".join(vim.lines) + "\n"
    vim.until(
        lambda: [e["text"] for e in scene.told("changed")][-1:] == [text], "the server has the same text"
    )


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.heavy)])
def test_a_fast_typist_gets_exactly_what_was_typed_and_every_answer(scene: Scene, seconds: int) -> None:
    vim = scene.start_watched(
        [Line("def add(", ("a, b):\n    return a + b\n",)), Line("é = wörd(", ("one) + two",))]
    )
    vim.nvim.command("setlocal noautoindent indentexpr=")
    vim.type("i")
    keys = {"Enter": "<CR>", "Backspace": "<BS>"}
    typed = type_fast(vim.type, lambda key: vim.type(keys[key]), seconds)
    vim.until(lambda: "\n".join(vim.lines) == typed, "the buffer is what was typed")

    def known() -> str:
        # A server that came up late was told of the text by "opened" alone.
        told = scene.told("changed") or scene.told("opened")
        return str(told[-1]["text"]).rstrip("\n") if told else ""

    vim.until(lambda: known() == typed.rstrip("\n"), "the server has it too")
    vim.until(lambda: scene.told("ask"), "a rest of the typist is enough for a question")
    vim.until(lambda: not set.difference(*counts(scene.wire)), "every request is answered")


def test_status_and_toggle_by_command(scene: Scene) -> None:
    vim = scene.start("x = \n", [Line("x = ", ("1",))])
    assert vim.lua("return vim.fn.getcompletion('Qwen st', 'cmdline')") == ["stats", "status"]
    vim.nvim.command("Qwen status")
    vim.until(lambda: "No model is used" in vim.nvim.command_output("messages"), "the status is shown")
    vim.nvim.command("Qwen toggle")
    vim.until(lambda: vim.lua("return require('qwen_lsp').status()") == "○ Qwen", "the status line knows")
    vim.type("A")
    vim.until(lambda: "Suggestions are off." in vim.nvim.command_output("messages"), "the user is told")
    vim.nvim.command("Qwen toggle")
    vim.until(lambda: "Suggestions are on." in vim.nvim.command_output("messages"), "and told again")
    vim.type("<Esc>A")
    vim.until_ghost("1")
    with pytest.raises(pynvim.NvimError, match="There is no :Qwen nonsense"):
        vim.nvim.command("Qwen nonsense")


def type_as_the_server_comes(vim: Neovim) -> None:
    """Leave a key to be read: it comes before what Neovim puts off, which is where it turns to suggestions."""
    vim.lua("vim.api.nvim_create_autocmd('LspAttach', { callback = function() vim.api.nvim_input('A') end })")


def test_who_types_as_the_server_comes_needs_no_further_key(scene: Scene) -> None:
    type_as_the_server_comes(scene.vim)
    scene.start("x = \n", [Line("x = ", ("1",))]).until_ghost("1")


def test_who_types_as_the_server_comes_again_needs_no_further_key(scene: Scene) -> None:
    vim = scene.start("x = \n", [Line("x = ", ("1",))])
    type_as_the_server_comes(vim)
    vim.nvim.command("Qwen restart")
    vim.until_ghost("1")


def checkhealth(vim: Neovim) -> str:
    vim.nvim.command("checkhealth qwen_lsp")
    return "\n".join(vim.lines)


def test_checkhealth_says_that_all_is_well(scene: Scene) -> None:
    report = checkhealth(scene.start("x\n", []))
    assert "shows ghost text" in report
    assert "The server answers: No model is used" in report
    assert "ERROR" not in report


def test_checkhealth_says_how_to_install_what_is_missing(scene: Scene) -> None:
    scene.vim.lua("require('qwen_lsp').setup({cmd = {'/no/such/qwen-lsp', 'lsp'}})")
    report = checkhealth(scene.vim)
    assert "is not on the PATH" in report
    assert "run `make install` in the folder of the qwen-lsp repository" in report


def test_those_who_enable_servers_themselves_need_one_line(scene: Scene, tmp_path: Path) -> None:
    write_script(tmp_path / "script.json", [Line("x = ", ("1",))])
    file = tmp_path / "own.py"
    file.write_text("x = \n")
    vim = scene.vim
    command = scripted_command(tmp_path / "script.json", tmp_path / "diary.jsonl")
    vim.lua("vim.lsp.config('qwen_lsp', {cmd = ...}) vim.lsp.enable('qwen_lsp')", command)
    vim.edit(file)
    vim.type("A")
    vim.until_ghost("1")


def test_the_help_file_is_found(scene: Scene) -> None:
    scene.vim.nvim.command(f"helptags {PLUGIN / 'doc'}")
    scene.vim.nvim.command("help qwen_lsp-ghost-text")
    assert scene.vim.nvim.current.buffer.name.endswith("qwen_lsp.txt")
    (PLUGIN / "doc" / "tags").unlink()


DOCUMENTED = """```python
def é(a):
    \"\"\"Return a.\"\"\"
    return a
```"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_code_action_documents_the_function_at_the_cursor(scene: Scene, newline: str) -> None:
    text = "x = 1\f\ndef é(a):\n    return a\n".replace("\n", newline)
    vim = scene.start_actions(text, DOCUMENTED)
    vim.type("jj")
    vim.apply_action("Document")
    vim.until_lines(["x = 1\f", "def é(a):", '    """Return a."""', "    return a"])
    assert "return a" in scene.told("asked")[0]["prompt"]
    vim.nvim.command("write")
    written = text.replace("    return", f'    """Return a."""{newline}    return')
    assert Path(vim.nvim.current.buffer.name).read_bytes() == written.encode()


def test_neovim_0_10_gets_the_suggestion_as_a_completion_item(old_scene: Scene) -> None:
    vim = old_scene.start("é = 1\n\n", [Line("é.app", ("end(1)",))])
    assert vim.lua("return vim.lsp.inline_completion == nil")
    vim.type("jié.app")
    vim.until(lambda: vim.mode == "i", "insert mode")
    vim.nvim.command("set completeopt=menu,menuone")
    vim.type("<C-x><C-o>")
    menu = "return vim.fn.complete_info({'items', 'pum_visible'})"
    vim.until(lambda: vim.lua(menu)["pum_visible"], "the menu is up")
    assert [item["abbr"] for item in vim.lua(menu)["items"]] == ["append(1)"]
    vim.type("<C-y>")
    vim.until_lines(["é = 1", "é.append(1)"])


def test_neovim_0_10_keeps_carriage_returns_and_a_form_feed(old_scene: Scene, tmp_path: Path) -> None:
    vim = old_scene.start("é = 1\f\r\n\r\n", [Line("é.app", ("end(1)",))], "dos.py")
    vim.type("jié.app")
    vim.until(lambda: vim.mode == "i", "insert mode")
    vim.nvim.command("set completeopt=menu,menuone")
    vim.type("<C-x><C-o>")
    vim.until(lambda: vim.lua("return vim.fn.pumvisible()") == 1, "the menu is up")
    vim.type("<C-y>")
    vim.until_lines(["é = 1\f", "é.append(1)"])
    vim.type("<Esc>")
    vim.until(lambda: vim.mode == "n", "normal mode")
    vim.nvim.command("write")
    assert (tmp_path / "dos.py").read_bytes() == "é = 1\f\r\né.append(1)\r\n".encode()


def test_neovim_0_10_runs_a_code_action(old_scene: Scene) -> None:
    vim = old_scene.start_actions("def é(a):\n    return a\n", DOCUMENTED)
    vim.apply_action("Document")
    vim.until_lines(["def é(a):", '    """Return a."""', "    return a"])


def test_neovim_0_10_health_says_what_it_cannot_show(old_scene: Scene) -> None:
    report = checkhealth(old_scene.start("x\n", []))
    assert "has no ghost text" in report
    assert "The server answers" in report
