"""Real Emacs 30 with Eglot and with lsp-mode; the language server is real, what it suggests is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import diary
from tests.support.editors.emacs import run_emacs
from tests.support.lsp.scripted_server import scripted_command
from tests.support.scripted_assistant import Line, write_script

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
(require 'lsp-mode-autoloads)
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
    return diary.told(home / "diary.jsonl", event)


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


PARTS = """
(goto-char (point-max))
(insert "é.app")
(lsp-inline-completion-display)
(qwen-lsp-accept-word)
(unless (string-suffix-p "é.append" (buffer-string)) (error "A word: %S" (buffer-string)))
(qwen-lsp-accept-line)
(unless (string-suffix-p "é.append(wörd)" (buffer-string)) (error "A line: %S" (buffer-string)))
(qwen-lsp-accept-line)
(qwen-lsp-accept-line)
(save-buffer)
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lsp_mode_accepts_a_word_and_a_line_and_goes_on_with_the_rest(tmp_path: Path, newline: str) -> None:
    before = "é = []\f\n\n".replace("\n", newline)
    after = run(tmp_path, LSP_MODE + PARTS, before)
    assert after == before + "é.append(wörd)\né.sort()\n".replace("\n", newline)
    assert [entry["chars"] for entry in told(tmp_path, "accepted")] == [3, 6, 9, None]


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


TOGETHER = """
(defun framed (message)
  (let ((body (json-serialize message)))
    (format "Content-Length: %d\\r\\n\\r\\n%s" (length body) body)))
(let* ((workspace (car (lsp-workspaces)))
       (place '(:start (:line 0 :character 0) :end (:line 0 :character 1)))
       (edit (list :changes (list (intern (concat ":" (lsp--buffer-uri))) (vector (list :range place :newText "y")))))
       (read (process-filter (lsp--workspace-proc workspace))))
  (lsp-request-async "workspace/executeCommand" '(:command "qwen_lsp.status")
                     (lambda (_) (throw 'lsp-done 'answered)) :mode 'detached)
  (let ((answer (list :jsonrpc "2.0" :id lsp-last-id :result t))
        (more (list :jsonrpc "2.0" :id 77 :method "workspace/applyEdit" :params (list :edit edit))))
    (unless (catch 'lsp-done (funcall read nil (concat (framed answer) (framed more))) nil)
      (error "The wait was not ended"))))
(save-buffer)
"""


def test_lsp_mode_takes_an_edit_that_comes_in_one_read_with_an_awaited_answer(tmp_path: Path) -> None:
    assert run(tmp_path, LSP_MODE + TOGETHER, "x = 1\n") == "y = 1\n"


DEAD = """
(defun entries (event)
  (seq-filter (lambda (entry) (equal event (plist-get entry :event)))
              (mapcar (lambda (line) (json-parse-string line :object-type 'plist :array-type 'list))
                      (split-string (if (file-exists-p "diary.jsonl")
                                          (with-temp-buffer (insert-file-contents "diary.jsonl") (buffer-string))
                                        "")
                                      "\\n" t))))
(defun pid () (plist-get (car (last (entries "settings"))) :pid))
(until "the server knows the file" (entries "opened"))
(let ((first (pid)))
  (signal-process first 'SIGKILL)
  (until "another server runs" (not (equal first (pid)))))
(until "it knows the file" (cdr (entries "opened")))
"""
SETTINGS = """
(until "the server knows its settings" (entries "settings"))
(let ((first (pid)))
  (setopt qwen-lsp-settings '(:suggest (:off_languages ["cobol"])))
  (until "other settings" (equal '("cobol") (plist-get (car (last (entries "settings"))) :off_languages)))
  (unless (equal first (pid)) (error "The server was restarted")))
"""
ENTRIES = DEAD[: DEAD.index("(until")]
STATUS = """
(defvar said nil)
(advice-add 'message :before (lambda (words &rest more) (when words (push (apply #'format words more) said))))
(qwen-lsp-status)
(qwen-lsp-toggle)
(qwen-lsp-toggle)
(unless (string-search "No model is used" (nth 2 said)) (error "Said: %S" said))
(unless (equal '("Suggestions are on." "Suggestions are off.") (seq-take said 2)) (error "Said: %S" said))
"""
EGLOT_END = "(eglot-shutdown (eglot-current-server))"


def test_eglot_starts_a_server_that_died_again(tmp_path: Path) -> None:
    script = "(setq eglot-autoreconnect t)" + EGLOT + DEAD + COMPLETE
    assert run(tmp_path, script, "é = []\n\n") == "é = []\n\né.append(wörd)\né.sort()\n"


def test_lsp_mode_starts_a_server_that_died_again(tmp_path: Path) -> None:
    script = "(setq lsp-restart 'auto-restart)" + LSP_MODE + DEAD + GHOST
    assert run(tmp_path, script, "é = []\n\n") == "é = []\n\né.append(wörd)\né.sort()\n"


@pytest.mark.parametrize(("client", "end"), [(EGLOT, EGLOT_END), (LSP_MODE, "")], ids=["eglot", "lsp_mode"])
def test_other_settings_hold_without_a_restart(tmp_path: Path, client: str, end: str) -> None:
    run(tmp_path, client + ENTRIES + SETTINGS + end, "x\n")


@pytest.mark.parametrize(("client", "end"), [(EGLOT, EGLOT_END), (LSP_MODE, "")], ids=["eglot", "lsp_mode"])
def test_the_status_is_told_and_suggestions_are_switched(tmp_path: Path, client: str, end: str) -> None:
    run(tmp_path, client + STATUS + end, "x\n")


DOUBT = """
(defvar asked nil)
(advice-add 'completing-read :override (lambda (_prompt choices &rest _)
                                         (setq asked t)
                                         (car (member "CHOICE" (all-completions "" choices)))))
(defun await ()
  (until "the question" asked)
  (qwen-lsp-status)
  (when (equal "CHOICE" "Apply") (until "the edit" (string-search "a + 1" (buffer-string)))))
"""
EGLOT_CHANGE = """
(goto-char (point-max))
(forward-line -1)
(let ((action (seq-find (lambda (each) (equal "Document" (plist-get each :title)))
                        (eglot-code-actions (point) (point)))))
  (eglot-execute (eglot-current-server) action))
(await)
(save-buffer)
(eglot-shutdown (eglot-current-server))
"""
LSP_CHANGE = """
(goto-char (point-max))
(forward-line -1)
(lsp-execute-code-action (seq-find (lambda (each) (equal "Document" (lsp:code-action-title each)))
                                   (lsp-code-actions-at-point)))
(await)
(save-buffer)
"""
CHANGED = DOCUMENTED.replace("return a\n", "return a + 1\n")


@pytest.mark.parametrize(
    ("client", "act"), [(EGLOT, EGLOT_CHANGE), (LSP_MODE, LSP_CHANGE)], ids=["eglot", "lsp_mode"]
)
@pytest.mark.parametrize("choice", ["Apply", "Discard"])
def test_a_doubtful_edit_is_made_only_when_the_user_agrees(
    tmp_path: Path, client: str, act: str, choice: str
) -> None:
    before = "x = 1\f\ndef é(a):\n    return a\n"
    after = run(tmp_path, client + DOUBT.replace("CHOICE", choice) + act, before, answer=CHANGED)
    changed = before.replace("    return a\n", '    """Return a."""\n    return a + 1\n')
    assert after == (changed if choice == "Apply" else before)
