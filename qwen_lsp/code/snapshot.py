"""A document held still. Positions are offsets in code points; only lsp/ knows other units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from qwen_lsp.code.line_index import LineStarts


@dataclass(frozen=True, slots=True)
class Edit:
    """start..end of the version before it became `text`; offsets in code points."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Snapshot:
    """One version of a document. `text` is as the editor has it, CRLF included."""

    uri: str
    language: str
    version: int
    text: str

    @cached_property
    def line_starts(self) -> LineStarts:
        """Offset of each line's first character. Lines end at \\n, \\r\\n or \\r only, as in LSP."""
        return LineStarts(self.text)

    def with_line_starts(self, line_starts: LineStarts) -> Snapshot:
        """This snapshot, told where its lines start by one who knows (saves a walk through the text)."""
        self.__dict__["line_starts"] = line_starts
        return self

    @cached_property
    def newline(self) -> str:
        """The line ending the file mostly uses."""
        crlf = self.text.count("\r\n")
        return "\r\n" if crlf * 2 > self.text.count("\n") else "\n"

    @property
    def path(self) -> Path | None:
        """The file's path, when it has one."""
        parts = urlsplit(self.uri)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    def line_of(self, offset: int) -> int:
        """Number of the line holding `offset`, from 0."""
        return self.line_starts.line_of(offset)

    def line_start(self, line: int) -> int:
        """Offset of a line's first character; the text's end for lines past the last."""
        return self.line_starts[line] if line < len(self.line_starts) else len(self.text)

    def line_text(self, line: int) -> str:
        """A line without its ending."""
        return self.text[self.line_start(line) : self.line_start(line + 1)].rstrip("\r\n")


def with_unix_newlines(text: str) -> str:
    """The text with \\n for every line end: what models were trained on."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def snapshot_at_mark(
    marked: str,
    *,
    mark: str = "¦",
    uri: str = "file:///work/a.py",
    language: str = "python",
    version: int = 1,
) -> tuple[Snapshot, int]:
    """A snapshot and the offset of its cursor mark, from text such as `def f(¦):`; for tests and the page."""
    before, found, after = marked.partition(mark)
    if not found:
        raise ValueError(f"no {mark} in the text")
    return Snapshot(uri, language, version, before + after), len(before)
