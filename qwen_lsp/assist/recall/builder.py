"""Reads a workspace into blocks, in a background thread that gives way to keystrokes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qwen_lsp.assist.recall.language_groups import family_of_file
from qwen_lsp.assist.recall.lexer import Ints, LexerVocabulary, lex
from qwen_lsp.assist.recall.token_runs import FileText, TokenBlock

# Held by one token in a block: number, offset, and for each of three run lengths a hash and a place; its text.
_BYTES_PER_TOKEN = 4 + 4 + 3 * 8 + 4
# The expression engine keeps the interpreter to itself meanwhile; this much is read in about 5 ms.
_SLICE_CHARS = 30_000
_LONGEST_LINE_CHARS = 1_000


@dataclass(slots=True)
class _Read:
    """A file as it was read, so that the next build need not read it again."""

    stamp: tuple[int, int]
    file: FileText
    tokens: Ints
    starts: Ints


@dataclass(slots=True)
class Builder:
    """Remembers what it read; each build reads only what changed."""

    max_bytes: int
    vocabulary_of: Callable[[str], LexerVocabulary]
    pause: Callable[[], None]
    _known: dict[str, dict[Path, _Read]] = field(default_factory=lambda: defaultdict(dict))
    token_count: int = 0

    def build(self, paths: Iterable[Path], stop: Callable[[], bool]) -> dict[str, TokenBlock]:
        """A block per family from the files, until the memory limit; {} when stopped."""
        found: dict[str, dict[Path, _Read]] = defaultdict(dict)
        self.token_count = 0
        for path in paths:
            if stop():
                return {}
            family = family_of_file(path)
            read = self._read(family, path) if family else None
            if family and read is not None:
                found[family][path] = read
                self.token_count += len(read.tokens)
                if self.token_count * _BYTES_PER_TOKEN > self.max_bytes:
                    break
            self.pause()
        self._known = found
        return {family: self._joined(list(reads.values())) for family, reads in found.items()}

    def _joined(self, reads: list[_Read]) -> TokenBlock:
        self.pause()
        return TokenBlock([r.file for r in reads], [r.tokens for r in reads], [r.starts for r in reads])

    def _read(self, family: str, path: Path) -> _Read | None:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._known[family].get(path)
            if known is not None and known.stamp == stamp:
                return known
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        if not text or len(text) > _LONGEST_LINE_CHARS * (text.count("\n") + 1):
            return None  # written by a program, not by a person
        tokens, starts = self._lexed(text, self.vocabulary_of(family))
        return _Read(stamp, FileText(path.as_uri(), text), tokens, starts)

    def _lexed(self, text: str, vocabulary: LexerVocabulary) -> tuple[Ints, Ints]:
        parts = []
        at = 0
        while at < len(text):
            end = text.find("\n", at + _SLICE_CHARS)
            # A slice ends before a break, so that the break and what follows it stay together.
            end = len(text) if end < 0 or not text[end:].strip() else _before_blank(text, end)
            parts.append(lex(text[at:end], vocabulary, at))
            at = end
            self.pause()
        if len(parts) == 1:
            return parts[0].tokens, parts[0].starts
        return np.concatenate([p.tokens for p in parts]), np.concatenate([p.starts for p in parts])


def _before_blank(text: str, end: int) -> int:
    """Where the white space around the break at `end` begins."""
    while end and text[end - 1].isspace():
        end -= 1
    return end
