"""Real Emacs 30 with Eglot and with lsp-mode; the language server is real, what it suggests is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.emacs import run_emacs
from tests.support.scripted_assistant import Line, write_script
from tests.support.scripted_server import scripted_command

pytestmark = pytest.mark.editor

LINES = [Line("é.app", ("end(wörd)\né.sort()\n",)), Line("x = ", ("1", "22"))]
DOCUMENTED = '```python\ndef é(a):\n    """Return a."""\n    return a\n```'
EGLOT = """
(qwen-lsp-setup-eglot)
(setq eglot-sync-connect 20 eglot-autoshutdown nil)
(find-file "FILE")
(apply #'eglot (eglot--guess-contact))
(until "Eglot is connected" (eglot-managed-p))
"""
LSP_MODE = """
(setq lsp-auto-guess-root t lsp-enable-snippet nil lsp-client-packages nil lsp-warn-no-matched-clients nil
      lsp-enable-file-watchers nil lsp-enable-suggest-server-download nil lsp-session-file "session")
(qwen-lsp-setup-lsp-mode)
(find-file "FILE")
(lsp)
(until "lsp-mode is connected" (lsp-workspaces))
(until "the server is initialized" (eq 'initialized (lsp--workspace-status (car (lsp-workspaces)))))
"""


def run(home: Path, script: str, text: str, name: str = "sample.py", answer: str = DOCUMENTED) -> str:
    """Run a script on a file with this text; the file afterwards."""
    file = home / name
    file.write_bytes(text.encode())
    write_script(home / "script.json", LINES)
    (home / "answer.json").write_text(json.dumps({"answer": answer, "finish": "stop"}))
    command = scripted_command(home / "script.json", home / "diary.jsonl", home / "answer.json")
    run_emacs(home, command, script.replace("FILE", file.name))
    return file.read_bytes().decode()


def told(home: Path, event: str) -> list[dict[str, object]]:
    """What the assistant was told."""
    entries = [json.loads(line) for line in (home / "diary.jsonl").read_text().splitlines()]
    return [entry for entry in entries if entry["event"] == event]


COMPLETE = """
(goto-char (point-max))
(insert "é.app")
(setq completion-at-point-functions '(eglot-completion-at-point))
(completion-at-point)
(save-buffer)
(eglot-shutdown (eglot-current-server))
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_eglot_inserts_the_suggestion_from_its_completion_list(tmp_path: Path, newline: str) -> None:
    before = "é = []\f\n\n".replace("\n", newline)
    after = run(tmp_path, EGLOT + COMPLETE, before)
    assert after == before + "é.append(wörd)\né.sort()\n".replace("\n", newline)


ACT = """
(goto-char (point-max))
(forward-line -1)
(let ((action (seq-find (lambda (each) (equal "Document" (plist-get each :title)))
                        (eglot-code-actions (point) (point)))))
  (unless action (error "The action is not offered"))
  (eglot-execute (eglot-current-server) action))
(until "the edit" (string-search "Return a." (buffer-string)))
(save-buffer)
(eglot-shutdown (eglot-current-server))
"""


def test_eglot_applies_a_code_action(tmp_path: Path) -> None:
    after = run(tmp_path, EGLOT + ACT, "x = 1\f\ndef é(a):\n    return a\n")
    assert after == 'x = 1\f\ndef é(a):\n    """Return a."""\n    return a\n'


GHOST = """
(goto-char (point-max))
(insert "é.app")
(lsp-inline-completion-display)
(until "ghost text" (and (overlayp lsp-inline-completion--overlay) (overlay-buffer lsp-inline-completion--overlay)))
(let ((shown (concat (overlay-get lsp-inline-completion--overlay 'display)
                     (overlay-get lsp-inline-completion--overlay 'after-string))))
  (unless (string-search "end(wörd)\\né.sort()" (substring-no-properties shown)) (error "Shown: %S" shown)))
(lsp-inline-completion-accept)
(save-buffer)
(until "the server hears of it" (string-search "accepted" (with-temp-buffer (insert-file-contents "diary.jsonl") (buffer-string))))
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lsp_mode_shows_ghost_text_and_accepts_it(tmp_path: Path, newline: str) -> None:
    before = "é = []\f\n\n".replace("\n", newline)
    after = run(tmp_path, LSP_MODE + GHOST, before)
    assert after == before + "é.append(wörd)\né.sort()\n".replace("\n", newline)
    assert len(told(tmp_path, "accepted")) == 1


NEXT = """
(goto-char (point-max))
(insert "x = ")
(lsp-inline-completion-display)
(until "ghost text" (and (overlayp lsp-inline-completion--overlay) (overlay-buffer lsp-inline-completion--overlay)))
(lsp-inline-completion-next)
(lsp-inline-completion-accept)
(save-buffer)
"""


def test_lsp_mode_goes_on_to_the_next_suggestion(tmp_path: Path) -> None:
    assert run(tmp_path, LSP_MODE + NEXT, "é = 2\n") == "é = 2\nx = 22"


LSP_ACT = """
(goto-char (point-max))
(forward-line -1)
(let ((action (seq-find (lambda (each) (equal "Document" (lsp:code-action-title each)))
                        (lsp-code-actions-at-point))))
  (unless action (error "The action is not offered"))
  (lsp-execute-code-action action))
(until "the edit" (string-search "Return a." (buffer-string)))
(save-buffer)
"""


def test_lsp_mode_applies_a_code_action(tmp_path: Path) -> None:
    after = run(tmp_path, LSP_MODE + LSP_ACT, "x = 1\f\ndef é(a):\n    return a\n")
    assert after == 'x = 1\f\ndef é(a):\n    """Return a."""\n    return a\n'
