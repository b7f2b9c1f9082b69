"""An EditOutcome in the words of LSP, as much of them as this client knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.lsp.positions import Positions

if TYPE_CHECKING:
    from qwen_lsp.assist.actions import EditOutcome, FileEdit

_APPLIES_UNASKED = ("neovim", "helix")
"""Clients that apply edits marked "needs confirmation" without asking (seen in 0.12.4 and 25.07)."""
_ANNOTATION = "qwen_lsp"
_DESCRIPTION_CHARS = 600


@dataclass(frozen=True, slots=True)
class EditAbilities:
    """What a client can do with a WorkspaceEdit."""

    document_changes: bool = False
    annotations: bool = False
    snippets: bool = False
    creates: bool = False
    asks: bool = False
    """It shows edits that need confirmation and asks; others are asked by a message."""
    disabled: bool = False
    """It shows actions that cannot be done, with the reason."""

    @classmethod
    def of(cls, capabilities: types.ClientCapabilities | None, name: str) -> EditAbilities:
        """Read from `initialize`."""
        workspace = capabilities.workspace if capabilities else None
        edit = workspace.workspace_edit if workspace else None
        document = capabilities.text_document if capabilities else None
        action = document.code_action if document else None
        if edit is None:
            return cls(disabled=bool(action and action.disabled_support))
        versioned = bool(edit.document_changes)
        annotations = versioned and edit.change_annotation_support is not None
        return cls(
            document_changes=versioned,
            annotations=annotations,
            snippets=versioned and bool(edit.snippet_edit_support),
            creates=versioned and types.ResourceOperationKind.Create in (edit.resource_operations or ()),
            asks=annotations and not name.lower().startswith(_APPLIES_UNASKED),
            disabled=bool(action and action.disabled_support),
        )


def workspace_edit(outcome: EditOutcome, positions: Positions, can: EditAbilities) -> types.WorkspaceEdit:
    """The edit to send. `changes` where nothing better is known: every client understands that."""
    if not can.document_changes:
        plain = {
            file.uri: [_plain_edit(file, edit, positions) for edit in file.edits] for file in outcome.files
        }
        return types.WorkspaceEdit(changes=plain)
    note = _ANNOTATION if can.annotations else None
    changes: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
    for file in outcome.files:
        if file.base is None and can.creates:
            options = types.CreateFileOptions(ignore_if_exists=True)
            changes.append(types.CreateFile(uri=file.uri, options=options, annotation_id=note))
        changes.append(_document_edit(file, outcome, positions, can, note))
    annotations = {_ANNOTATION: _annotation(outcome, can)} if note else None
    return types.WorkspaceEdit(document_changes=changes, change_annotations=annotations)


def _annotation(outcome: EditOutcome, can: EditAbilities) -> types.ChangeAnnotation:
    said = "\n".join(part for part in (outcome.needs_confirmation, outcome.note) if part)
    return types.ChangeAnnotation(
        label=outcome.title,
        needs_confirmation=bool(outcome.needs_confirmation) and can.asks,
        description=said[:_DESCRIPTION_CHARS] or None,
    )


def _document_edit(
    file: FileEdit, outcome: EditOutcome, positions: Positions, can: EditAbilities, note: str | None
) -> types.TextDocumentEdit:
    version = file.base.version if file.base is not None and file.base.version >= 0 else None
    document = types.OptionalVersionedTextDocumentIdentifier(file.uri, version)
    if can.snippets and outcome.name and file.base is not None:
        return types.TextDocumentEdit(
            document, [_snippet(file.base, file.edits, outcome.name, positions, note)]
        )
    return types.TextDocumentEdit(document, [_text_edit(file, edit, positions, note) for edit in file.edits])


def _text_edit(
    file: FileEdit, edit: Edit, positions: Positions, note: str | None
) -> types.TextEdit | types.AnnotatedTextEdit:
    plain = _plain_edit(file, edit, positions)
    return types.AnnotatedTextEdit(note, plain.range, plain.new_text) if note else plain


def _plain_edit(file: FileEdit, edit: Edit, positions: Positions) -> types.TextEdit:
    base = file.base or Snapshot(file.uri, "", 0, "")
    return types.TextEdit(positions.range(base, edit.start, edit.end), edit.text)


def _snippet(
    base: Snapshot, edits: tuple[Edit, ...], name: str, positions: Positions, note: str | None
) -> types.SnippetTextEdit:
    """All edits as one, with the new name as a linked placeholder wherever it stands in the new text."""
    start, end = edits[0].start, edits[-1].end
    pieces: list[str] = []
    at = start
    for edit in edits:
        pieces += base.text[at : edit.start], edit.text
        at = edit.end
    text = re.sub(r"[\\$}]", r"\\\g<0>", "".join(pieces))
    text = re.sub(rf"\b{re.escape(name)}\b", "${1:" + name + "}", text)
    value = types.StringValue(text)
    return types.SnippetTextEdit(positions.range(base, start, end), value, annotation_id=note)
