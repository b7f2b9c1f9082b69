"""What must not be read: secrets, and what .gitignore, .ignore, .qwenignore or the settings exclude."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from qwen_lsp.code.workspace.secrets import is_secret

IGNORE_FILES = (".gitignore", ".ignore", ".qwenignore")
"""In one folder a later name wins over an earlier; a deeper folder wins over its parents."""


class IgnoreRules:
    """Answers for any path; rule files are read once per folder until `forget`. Safe from several threads."""

    def __init__(self, roots: Sequence[Path], extra: Iterable[str] = ()) -> None:
        self._roots = [_absolute(root) for root in roots]
        self._extra = GitIgnoreSpec.from_lines(list(extra))
        self._specs: dict[str, GitIgnoreSpec | None] = {}
        self._tops: dict[str, str] = {}
        self._ignored_folders: dict[str, bool] = {}

    def forget(self) -> None:
        """Read the rule files anew: one of them has changed."""
        self._specs, self._tops, self._ignored_folders = {}, {}, {}

    def is_private(self, path: Path) -> bool:
        """Whether a file or folder must stay unread: a secret, or excluded, also by way of a symbolic link."""
        shown = _absolute(path)
        if os.path.isdir(shown) and not os.path.islink(shown):
            return self.is_excluded(shown + "/")
        if self.is_excluded(shown):
            return True
        real = os.path.realpath(shown)
        return real != shown and self.is_excluded(real)

    def is_excluded(self, path: str | Path) -> bool:
        """The same for an absolute path that is known not to be a link; also for folders (give a final /)."""
        text = str(path)
        is_folder = text.endswith("/")
        text = text.rstrip("/")
        if is_secret(Path(text)):
            return True
        return self._folder_ignored(text) if is_folder else self._ignored(text, folder=False)

    def _folder_ignored(self, folder: str) -> bool:
        known = self._ignored_folders.get(folder)
        if known is None:
            known = self._ignored_folders[folder] = self._ignored(folder, folder=True)
        return known

    def _ignored(self, path: str, *, folder: bool) -> bool:
        parent = os.path.dirname(path)
        top = self._top(parent)
        if path == top or parent == path:
            return False
        if parent != top and parent.startswith(top) and self._folder_ignored(parent):
            return True
        tail = "/" if folder else ""
        if self._extra.match_file(os.path.relpath(path, top) + tail):
            return True
        at = parent
        while True:
            spec = self._spec(at)
            if spec is not None:
                verdict = spec.check_file(os.path.relpath(path, at) + tail).include
                if verdict is not None:
                    return verdict
            if at == top or os.path.dirname(at) == at:
                return False
            at = os.path.dirname(at)

    def _top(self, folder: str) -> str:
        """Where the rules for a folder begin: its git checkout, else its workspace root, else itself."""
        known = self._tops.get(folder)
        if known is not None:
            return known
        at = folder
        while not os.path.exists(os.path.join(at, ".git")):
            if os.path.dirname(at) == at:
                at = next((r for r in self._roots if folder == r or folder.startswith(r + os.sep)), folder)
                break
            at = os.path.dirname(at)
        self._tops[folder] = at
        return at

    def _spec(self, folder: str) -> GitIgnoreSpec | None:
        if folder not in self._specs:
            self._specs[folder] = _read_spec(folder)
        return self._specs[folder]


def _read_spec(folder: str) -> GitIgnoreSpec | None:
    lines: list[str] = []
    for name in (os.path.join(".git", "info", "exclude"), *IGNORE_FILES):
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                lines += file.read(200_000).splitlines()
        except OSError:
            continue
    return GitIgnoreSpec.from_lines(lines) if lines else None


def _absolute(path: Path) -> str:
    return os.path.abspath(path)
