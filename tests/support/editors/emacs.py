"""A real Emacs in batch mode with editors/emacs/qwen-lsp.el; a missing one fails, never skips."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.repository import REPOSITORY

CONFIG = REPOSITORY / "editors" / "emacs"
TOOLS = Path(os.environ.get("QWEN_LSP_TEST_EDITORS", Path.home() / ".cache" / "test-editors"))
LSP_MODE = TOOLS / "lsp-mode" / "usr" / "share" / "emacs" / "site-lisp" / "elpa-src"
TIMEOUT_S = 60.0

_PRELUDE = """;; -*- lexical-binding: t; coding: utf-8 -*-
(setq make-backup-files nil create-lockfiles nil require-final-newline nil mode-require-final-newline nil
      load-prefer-newer t)
(prefer-coding-system 'utf-8)
(defmacro until (what condition)
  "Wait for CONDITION while talking with the server; its value. WHAT is said when the wait is in vain."
  `(let ((deadline (+ (float-time) 30)) (found nil))
     (while (not (setq found ,condition))
       (when (> (float-time) deadline) (error "Waited in vain: %s\\n%s" ,what (buffer-string)))
       (accept-process-output nil 0.02))
     found))
(require 'qwen-lsp)
"""


def run_emacs(home: Path, command: Sequence[str], script: str) -> str:
    """Run Lisp in an Emacs that knows only our file; what it printed. `command` is the language server."""
    program = shutil.which("emacs")
    assert program, "Emacs is missing; `.ci/install-tools every-push` installs it"
    assert LSP_MODE.is_dir(), "lsp-mode is missing; `.ci/install-tools every-push` installs it"
    file = home / "test.el"
    server = " ".join(json.dumps(part, ensure_ascii=False) for part in command)
    file.write_text(f"{_PRELUDE}(setq qwen-lsp-command '({server}))\n{script}\n", "utf-8")
    paths = [CONFIG, *sorted(LSP_MODE.iterdir()), *LSP_MODE.glob("lsp-mode-*/clients")]
    argv = [
        program,
        "-Q",
        "--batch",
        *(word for path in paths for word in ("-L", str(path))),
        "-l",
        str(file),
    ]
    environment = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", "QWEN_LSP_HOME": str(home / "qwen")}
    done = subprocess.run(
        argv, cwd=home, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"Emacs failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout
