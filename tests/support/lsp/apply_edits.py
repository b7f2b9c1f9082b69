"""An editor's side of a WorkspaceEdit: applies it to texts as the protocol says, and refuses what it forbids."""

from __future__ import annotations

import re
from typing import Any


def apply_workspace_edit(
    edit: dict[str, Any], texts: dict[str, str], versions: dict[str, int], unit: str
) -> None:
    """Change `texts` (by URI). `unit` is the position encoding."""
    for uri, edits in (edit.get("changes") or {}).items():
        texts[uri] = apply_edits(texts.get(uri, ""), edits, unit)
    for change in edit.get("documentChanges") or ():
        if change.get("kind") == "create":
            assert change["uri"] not in texts or change["options"]["ignoreIfExists"]
            texts.setdefault(change["uri"], "")
            continue
        document = change["textDocument"]
        if document["version"] is not None:
            assert document["version"] == versions[document["uri"]], "an edit for another version"
        texts[document["uri"]] = apply_edits(texts[document["uri"]], change["edits"], unit)


def apply_edits(text: str, edits: list[dict[str, Any]], unit: str) -> str:
    """The text after edits that all refer to the text before."""
    spans = sorted((*_span(text, edit["range"], unit), index, edit) for index, edit in enumerate(edits))
    pieces: list[str] = []
    at = 0
    for start, end, _, edit in spans:
        assert start >= at, "edits overlap"
        pieces += text[at:start], _new_text(edit)
        at = end
    return "".join(pieces) + text[at:]


def _new_text(edit: dict[str, Any]) -> str:
    if "snippet" not in edit:
        return str(edit["newText"])
    value = re.sub(r"\$\{\d+:(\w+)\}", r"\1", edit["snippet"]["value"])
    return re.sub(r"\\([\\$}])", r"\1", value)


def _span(text: str, range: dict[str, Any], unit: str) -> tuple[int, int]:
    starts = [0, *(m.end() for m in re.finditer(r"\r\n|\n|\r", text))]
    found = []
    for end in (range["start"], range["end"]):
        assert end["line"] < len(starts), "a line past the end"
        line = re.split(r"[\r\n]", text[starts[end["line"]] :], maxsplit=1)[0]
        found.append(starts[end["line"]] + _columns(line, end["character"], unit))
    return found[0], found[1]


def _columns(line: str, units: int, unit: str) -> int:
    width = {"utf-8": lambda c: len(c.encode()), "utf-16": lambda c: len(c.encode("utf-16-le")) // 2}.get(
        unit
    )
    seen = 0
    for column, character in enumerate(line):
        if seen >= units:
            return column
        seen += width(character) if width else 1
    assert seen == units, "a column past the line's end"
    return len(line)
