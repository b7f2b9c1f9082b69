"""Files of a folder the user chose: what may be seen there, and reading it; never anything outside or secret."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.code.workspace.ignore import IgnoreRules
from qwen_lsp.code.workspace.secrets import holds_key
from qwen_lsp.code.workspace.walk import walk
from qwen_lsp.errors import QwenLspError
from qwen_lsp.paths import write_atomically

MOST_FILES = 3000
MOST_FILE_BYTES = 400_000


class NotReadable(QwenLspError):
    """The sentence says why."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """One chosen folder."""

    root: Path

    @classmethod
    def at(cls, folder: str) -> Workspace:
        """The folder by its path. Raises NotReadable when there is none."""
        root = Path(folder.strip() or ".").expanduser()
        if not root.is_dir():
            raise NotReadable(f"There is no folder at {folder}. Type the path of your project's folder.")
        return cls(root.resolve())

    def files(self) -> list[str]:
        """Relative paths of what may be read, ignored and secret files left out."""
        rules = IgnoreRules([self.root], [])
        found: list[str] = []
        for path in walk([self.root], rules.is_private):
            found.append(path.relative_to(self.root).as_posix())
            if len(found) == MOST_FILES:
                break
        return sorted(found)

    def folders(self) -> list[str]:
        """Relative paths of the folders that hold such files, with a slash at the end."""
        return sorted({f"{parent}/" for file in self.files() for parent in _parents(file)})

    def under(self, choice: str) -> list[str]:
        """The files meant by a choice: itself, or all in a folder (ending with a slash)."""
        if not choice.endswith("/"):
            return [choice]
        return [file for file in self.files() if file.startswith(choice)]

    def read(self, relative: str) -> str:
        """The text of one file. Raises NotReadable for what is outside, private, too large or not text."""
        path = self.place(relative)
        if not path.is_file():
            raise NotReadable(f"{relative} is not a file of {self.root}.")
        data = path.read_bytes()[: MOST_FILE_BYTES + 1]
        if len(data) > MOST_FILE_BYTES:
            raise NotReadable(f"{relative} is larger than {MOST_FILE_BYTES:,} bytes.")
        if holds_key(data):
            raise NotReadable(f"{relative} holds a key; it is not read.")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotReadable(f"{relative} is not text in UTF-8.") from error

    def write(self, relative: str, text: str, *, before: str | None) -> None:
        """Put `text` into a file that still holds `before` (None: is not there yet), whole or not at all.

        Raises NotReadable when the place is outside or private, or the file is no longer as it was.
        """
        path = self.place(relative)
        now = self.read(relative) if path.exists() else None
        if now != before:
            changed = "is there already" if before is None else "was changed meanwhile"
            raise NotReadable(f"{relative} {changed}; nothing was written. Ask again.")
        try:
            write_atomically(path, text, mode=path.stat().st_mode & 0o777 if path.exists() else 0o644)
        except OSError as error:
            raise NotReadable(f"{relative} could not be written: {error.strerror or error}.") from error

    def place(self, relative: str) -> Path:
        """Where a file of this folder lies, links followed. Raises NotReadable for what is outside or private."""
        path = (self.root / relative).resolve()
        if not path.is_relative_to(self.root) or path == self.root:
            raise NotReadable(f"{relative} is not a file of {self.root}.")
        if IgnoreRules([self.root], []).is_private(path):
            raise NotReadable(
                f"{relative} is ignored or looks like a secret; it is neither read nor written."
            )
        return path


def _parents(file: str) -> list[str]:
    parts = file.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]
