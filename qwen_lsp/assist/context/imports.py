"""Files of the workspace that a document's import lines lead to, so that they are read before all others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from qwen_lsp.code.languages import Language, language, language_of
from qwen_lsp.code.snapshot import Snapshot

_HEAD_LINES = 200
_QUOTED = re.compile(r"""["'<]([\w@./-]+)["'>]""")
_DOTTED = re.compile(r"^\s*(?:from|import|use|pub use|mod|using)\s+(?:static\s+)?([\w.:]+)")
_IMPORTING = re.compile(
    r"^\s*(?:from|import|use|pub use|mod|using|#\s*include|export|const|require|\"|\w+ \")"
)
_SOURCE_ROOTS = ("", "src", "lib", "include", "src/main/java")
_MOST = 40
_MOST_IN_FOLDER = 12


def imported_files(snapshot: Snapshot, roots: Sequence[Path]) -> list[Path]:
    """Existing files the first lines of a document import; found by trying names, no folder is searched through."""
    own = snapshot.path
    if own is None:
        return []
    bases = [
        own.parent,
        *(root / source for root in roots if own.is_relative_to(root) for source in _SOURCE_ROOTS),
    ]
    own_language = language(language_of(own) or snapshot.language)
    last = min(_HEAD_LINES, snapshot.line_of(len(snapshot.text)) + 1)
    found: dict[Path, None] = {}
    for line in (snapshot.line_text(at) for at in range(last)):
        for parts in _targets(line):
            for path in _existing(bases, parts, own_language):
                if any(path.is_relative_to(root) for root in roots):
                    found[path] = None
        if len(found) >= _MOST:
            break
    found.pop(own, None)
    return list(found)[:_MOST]


def _targets(line: str) -> Iterator[tuple[str, ...]]:
    """Path parts an import line may mean, such as ("shop", "cart")."""
    if not _IMPORTING.match(line):
        return
    for quoted in _QUOTED.findall(line):
        yield tuple(part for part in quoted.split("/") if part not in ("", "."))
    dotted = _DOTTED.match(line)
    if dotted is not None:
        name = dotted[1].lstrip(".")
        yield tuple(part for part in re.split(r"\.|::", name) if part not in ("", "crate", "self", "super"))


def _existing(bases: Sequence[Path], parts: tuple[str, ...], own: Language) -> Iterator[Path]:
    if not parts:
        return
    if ".." in parts:
        yield from _module(Path(os.path.normpath(bases[0].joinpath(*parts))), own)
        return
    for base in bases:
        for size in range(len(parts), max(0, len(parts) - 2), -1):
            yield from _module(base.joinpath(*parts[:size]), own)
    for base in bases[1:]:
        yield from _module(base.joinpath(*parts[-2:]), own)
        yield from _module(base.joinpath(parts[-1]), own)


def _module(path: Path, own: Language) -> Iterator[Path]:
    """The file a module path stands for; for a folder, its index file or some of its files."""
    if path.suffix and path.is_file():
        yield path
        return
    for ending in own.import_endings or own.endings:
        file = path.with_name(f"{path.name}.{ending}")
        if file.is_file():
            yield file
            return
    if path.is_dir():
        index = next((path / name for name in own.index_files if (path / name).is_file()), None)
        if index is not None:
            yield index
        else:
            files = (file for file in sorted(path.iterdir()) if file.is_file() and language_of(file))
            yield from islice(files, _MOST_IN_FOLDER)
