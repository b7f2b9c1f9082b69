"""The chosen project as a tree: folders that open, files with size and language; every row can be chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePosixPath

from qwen_lsp.code.languages import language, language_of
from qwen_lsp.sizes import size_in_words
from webui.i18n.texts import bilingual
from webui.parts.workspace_files import Workspace


@dataclass(frozen=True, slots=True)
class File:
    """One file that may be read."""

    path: str
    size_bytes: int

    @property
    def language(self) -> str:
        """Its language id; empty when its name says nothing."""
        return language_of(PurePosixPath(self.path)) or ""


@dataclass(slots=True)
class _Folder:
    folders: dict[str, _Folder] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)

    def all(self) -> Iterable[File]:
        yield from self.files
        for inner in self.folders.values():
            yield from inner.all()


def files_of(workspace: Workspace) -> list[File]:
    """The files of a workspace with their sizes; one that vanished meanwhile is left out."""
    found: list[File] = []
    for path in workspace.files():
        try:
            found.append(File(path, (workspace.root / path).stat().st_size))
        except OSError:
            continue
    return found


def tree_html(files: Iterable[File]) -> str:
    """The tree; rows carry their path in data-path, a folder's ends with a slash."""
    top = _Folder()
    for file in files:
        at = top
        *folders, _ = file.path.split("/")
        for name in folders:
            at = at.folders.setdefault(name, _Folder())
        at.files.append(file)
    return f'<ul class="q-tree">{_rows(top, "", depth=0)}</ul>'


def _rows(folder: _Folder, path: str, depth: int) -> str:
    rows = [_folder_row(inner, f"{path}{name}/", name, depth) for name, inner in folder.folders.items()]
    rows += [_file_row(file) for file in folder.files]
    return "".join(rows)


def _folder_row(folder: _Folder, path: str, name: str, depth: int) -> str:
    files = list(folder.all())
    total = size_in_words(sum(file.size_bytes for file in files))
    opened = " open" if depth == 0 and len(files) <= 60 else ""
    whole = _row(path, bilingual("project_whole"), f"{files_told(len(files))} · {total}")
    return (
        f"<li><details{opened}><summary>{escape(name)}/</summary>"
        f"<ul>{whole}{_rows(folder, path, depth + 1)}</ul></details></li>"
    )


def _file_row(file: File) -> str:
    spoken = language(file.language).name if file.language else ""
    facts = " · ".join(fact for fact in (escape(spoken), size_in_words(file.size_bytes)) if fact)
    return _row(file.path, escape(file.path.rsplit("/", 1)[-1]), facts)


def _row(path: str, name: str, facts: str) -> str:
    return (
        f'<li><button type="button" data-path="{escape(path)}" aria-pressed="false">'
        f"<b>{name}</b><span>{facts}</span></button></li>"
    )


def files_told(count: int) -> str:
    """So many files, in words."""
    return bilingual("project_file") if count == 1 else bilingual("project_files", count=count)
