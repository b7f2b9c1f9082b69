"""Emacs, Helix and Vim in a terminal with our configuration, over a language server that says what a test wrote down."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.diary import told
from tests.support.editors.emacs import CONFIG, LSP_MODE
from tests.support.editors.tmux import TOOLS, Terminal, program_file, terminal
from tests.support.lsp.scripted_server import scripted_command
from tests.support.lsp.wire import watched
from tests.support.repository import REPOSITORY
from tests.support.scripted_assistant import Line, write_script

EMACS_INIT = """;; -*- lexical-binding: t; coding: utf-8 -*-
(setq inhibit-startup-screen t make-backup-files nil create-lockfiles nil auto-save-default nil
      require-final-newline nil mode-require-final-newline nil load-prefer-newer t warning-minimum-level :error)
(prefer-coding-system 'utf-8)
(electric-indent-mode -1)
(require 'qwen-lsp)
"""
EMACS = {
    "eglot": ("(setq eglot-autoreconnect t)", "qwen-lsp-setup-eglot"),
    "lsp_mode": (
        """
(require 'lsp-mode-autoloads)
(setq lsp-auto-guess-root t lsp-enable-snippet nil lsp-client-packages nil lsp-warn-no-matched-clients nil
      lsp-enable-file-watchers nil lsp-enable-suggest-server-download nil lsp-restart 'auto-restart)
(with-eval-after-load 'lsp-inline-completion ; a terminal has no C-<return>
  (define-key lsp-inline-completion-active-map (kbd "M-RET") #'lsp-inline-completion-accept))
""",
        "qwen-lsp-setup-lsp-mode",
        "qwen-lsp-accept-word",
    ),
}
"""What a test needs, and words by which to find the blocks of our README that are run as they stand there."""
VIMRC = """
set nocompatible encoding=utf-8 noswapfile viminfo= nofixeol backspace=indent,eol,start noautoindent
packadd! ale
filetype plugin on
let g:ale_linters_explicit = 1
let g:ale_linters = {'python': ['qwen_lsp']}
source %s
"""


class Desk:
    """An editor on one file, and what its server was told."""

    def __init__(self, editor: str, home: Path) -> None:
        self.editor = editor
        self.file = home / "sample.py"
        self.wire = home / "wire.log"
        self._diary = home / "diary.jsonl"
        self._answers = home / "answer.json"
        self.terminal: Terminal

    def told(self, event: str) -> list[dict[str, Any]]:
        """What the assistant was told."""
        return told(self._diary, event)

    def answer(self, text: str) -> None:
        """What the engine says to code actions from now on."""
        self._answers.write_text(json.dumps({"answer": text, "finish": "stop"}))

    def insert_at_end(self) -> None:
        """Be ready to type at the end of the file."""
        keys = {"helix": ("g", "e", "i"), "vim": ("G", "A")}
        self.terminal.press(*keys.get(self.editor, ("M->",)))

    def new_last_line(self) -> None:
        """Be ready to type on a line of its own at the end of the file."""
        keys = {"helix": ("g", "e", "o"), "vim": ("G", "o")}
        self.terminal.press(*keys[self.editor])

    def command(self, text: str) -> None:
        """Run one of the editor's commands by its name."""
        if self.editor in EMACS:
            self.terminal.press("M-x")
            self.terminal.until("M-x")
        else:
            self.terminal.press("Escape")
            self.terminal.type(":")
        self.terminal.type(text)
        self.terminal.press("Enter")

    def save(self) -> None:
        """Write the file."""
        if self.editor in EMACS:
            self.terminal.press("C-x", "C-s")
        else:
            self.command("w")

    def saved(self, wanted: bytes) -> None:
        """Save, and wait until the file is this."""
        self.save()
        found = b""

        def is_written() -> bool:
            nonlocal found
            with contextlib.suppress(FileNotFoundError):  # Helix moves the old file away first
                found = self.file.read_bytes()
            return found == wanted

        self.terminal.wait(is_written, f"saved {wanted[-300:]!r}; it is\n{found[-300:]!r}")


@contextlib.contextmanager
def terminal_editor(editor: str, home: Path, text: str, lines: Sequence[Line]) -> Iterator[Desk]:
    """ "eglot", "lsp_mode", "helix" or "vim" on a file with this text, its server told of it."""
    desk = Desk(editor, home)
    desk.file.write_bytes(text.encode())
    script = home / "script.json"
    write_script(script, lines)
    desk.answer("")
    command = scripted_command(script, home / "diary.jsonl", home / "answer.json")
    program_file(home / "bin" / "qwen-lsp", watched(desk.wire, command))
    environment = {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "QWEN_LSP_HOME": str(home / "qwen"),
    }
    with terminal(home, [*_argv(editor, home), str(desk.file)], environment) as desk.terminal:
        desk.terminal.wait(lambda: bool(desk.told("opened")), "the server knows the file")
        yield desk


def _argv(editor: str, home: Path) -> list[str]:
    if editor == "helix":
        return _helix(home)
    if editor == "vim":
        rc = home / "vimrc"
        rc.write_text(VIMRC % (REPOSITORY / "editors" / "vim" / "qwen_lsp.vim"))
        return [_found("vim.nox"), "-u", str(rc)]
    init = home / "init.el"
    ours, *words = EMACS[editor]
    init.write_text("\n".join([EMACS_INIT, ours, *map(_in_readme, words)]), "utf-8")
    paths = [CONFIG, *sorted(LSP_MODE.iterdir()), *LSP_MODE.glob("lsp-mode-*/clients")]
    return [_found("emacs"), "-nw", "-Q", *(w for path in paths for w in ("-L", str(path))), "-l", str(init)]


def _in_readme(words: str) -> str:
    """The block of the README of editors/emacs that has these words."""
    blocks = re.findall(r"```elisp\n(.*?)```", (CONFIG / "README.md").read_text("utf-8"), re.DOTALL)
    return next(str(block) for block in blocks if words in block)


def _helix(home: Path) -> list[str]:
    program = TOOLS / "helix" / "bin" / "hx"
    assert program.exists(), "Helix is missing; `.ci/install-tools full` installs it"
    config = home / "config" / "helix"
    config.mkdir(parents=True)
    shutil.copy(REPOSITORY / "editors" / "helix" / "languages.toml", config)
    (config / "config.toml").write_text("[editor]\nauto-pairs = false\n")
    return [str(program)]


def _found(program: str) -> str:
    found = shutil.which(program)
    assert found, f"{program} is missing; `.ci/install-tools full` installs it"
    return found
