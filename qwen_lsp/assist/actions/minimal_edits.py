"""From a rewritten region to the smallest text edits, and those edits moved to a newer version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from qwen_lsp.assist.actions.region import Region
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.errors import ActionRefused

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_PIECE = re.compile(r"\w+|[^\S\r\n]+|\r\n|.", re.DOTALL)
_MOST_PIECES = 4_000
"""Above this a changed passage is replaced as a whole: comparing it piece by piece would take too long."""
_WORTH_KEEPING = 3
"""An unchanged stretch between two changes shorter than this many characters is not worth two edits."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    ending: str


def smallest_edits(region: Region, code: str) -> tuple[Edit, ...]:
    """The edits that make `code` (lines joined by \\n) of the region.

    Line endings and the presence of a final one stay as they are; lines that differ only in white space at
    their end are left alone; new lines get the ending that the file mostly uses.
    """
    old = _lines(region.text)
    rows = code.split("\n")
    newline = region.snapshot.newline
    keys = [line.text.rstrip() for line in old]
    matcher = SequenceMatcher(None, keys, [row.rstrip() for row in rows], autojunk=False)
    starts = _starts(old, region.start)
    found: list[Edit] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            before = "".join(line.text + line.ending for line in old[a:b])
            after = _joined(rows[c:d], newline, old, a, b)
            found += _within(starts[a], before, after)
    return tuple(found)


def inserted_below(region: Region, code: str) -> tuple[Edit, ...]:
    """The edit that puts `code` on lines of its own below the region."""
    newline = region.snapshot.newline
    text = code.replace("\n", newline)
    if region.end > 0 and region.snapshot.text[region.end - 1] in "\r\n":
        return (Edit(region.end, region.end, text + newline),)
    return (Edit(region.end, region.end, newline + text),)


def rebased(edits: Sequence[Edit], region: Region, now: Snapshot) -> tuple[Edit, ...]:
    """The edits moved to the document as it is now.

    Raises ActionRefused when what was typed meanwhile touches the region they were made for.
    """
    before = region.snapshot.text
    if before == now.text:
        return tuple(edits)
    start, end, longer = _changed_span(before, now.text)
    if end <= region.start:
        by = longer
    elif start >= region.end and not (start == region.end and _touches(region, before)):
        by = 0
    else:
        place = now.text.find(region.text)
        again = now.text.find(region.text, place + 1)
        if place < 0 or again >= 0 or not _on_lines(now, place, region):
            raise ActionRefused("The code was changed while the model wrote. Nothing was done; ask again.")
        by = place - region.start
    return tuple(Edit(edit.start + by, edit.end + by, edit.text) for edit in edits)


def _lines(text: str) -> list[_Line]:
    found = []
    for match in _LINE.finditer(text):
        row = match.group()
        if row:
            bare = row.rstrip("\r\n")
            found.append(_Line(bare, row[len(bare) :]))
    return found


def _starts(old: Sequence[_Line], at: int) -> list[int]:
    starts = [at]
    for line in old:
        starts.append(starts[-1] + len(line.text) + len(line.ending))
    return starts


def _joined(rows: Sequence[str], newline: str, old: Sequence[_Line], a: int, b: int) -> str:
    """New lines with endings; at the region's end the last one keeps what the old last line had."""
    if not rows:
        return ""
    replaced = [line.ending for line in old[a:b]]
    endings = [replaced[i] if i < len(replaced) and replaced[i] else newline for i in range(len(rows))]
    if b == len(old) and old and not old[-1].ending:
        endings[-1] = ""
    text = "".join(row + ending for row, ending in zip(rows, endings, strict=True))
    missing = a == len(old) and a > 0 and not old[-1].ending  # appended after a last line without an ending
    return newline + text if missing else text


def _within(start: int, before: str, after: str) -> Iterator[Edit]:
    """The edits inside one changed passage, piece by piece (words, white space, marks)."""
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    if not old or not new or len(old) + len(new) > _MOST_PIECES:
        yield from _trimmed(Edit(start, start + len(before), after), before)
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.4:  # hardly anything is shared: crumbs of sameness make edits nobody can read
        yield from _trimmed(Edit(start, start + len(before), after), before)
        return
    lengths = _offsets(old)
    pending: Edit | None = None
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        edit = Edit(start + lengths[a], start + lengths[b], "".join(new[c:d]))
        if pending is not None and edit.start - pending.end < _WORTH_KEEPING:
            kept = before[pending.end - start : edit.start - start]
            pending = Edit(pending.start, edit.end, pending.text + kept + edit.text)
            continue
        if pending is not None:
            yield from _trimmed(pending, before[pending.start - start : pending.end - start])
        pending = edit
    if pending is not None:
        yield from _trimmed(pending, before[pending.start - start : pending.end - start])


def _trimmed(edit: Edit, before: str) -> Iterator[Edit]:
    """The edit without what both ends share; nothing when nothing is left. Never splits a \\r\\n."""
    most = min(len(before), len(edit.text))
    head = next((n for n in range(most) if before[n] != edit.text[n]), most)
    if head > 0 and before[head - 1] == "\r":
        head -= 1
    tail = next((n for n in range(most - head) if before[-1 - n] != edit.text[-1 - n]), most - head)
    if tail and before[len(before) - tail] == "\n":
        tail -= 1
    text = edit.text[head : len(edit.text) - tail]
    if text or head + tail < len(before):
        yield Edit(edit.start + head, edit.end - tail, text)


def _offsets(pieces: Sequence[str]) -> list[int]:
    found = [0]
    for piece in pieces:
        found.append(found[-1] + len(piece))
    return found


def _changed_span(before: str, after: str) -> tuple[int, int, int]:
    """Start and end of what changed, in `before`, and how much longer `after` is."""
    most = min(len(before), len(after))
    head = next((n for n in range(most) if before[n] != after[n]), most)
    tail = next((n for n in range(most - head) if before[-1 - n] != after[-1 - n]), most - head)
    return head, len(before) - tail, len(after) - len(before)


def _touches(region: Region, before: str) -> bool:
    """Text typed right at the region's end belongs to its last line when that line has no ending."""
    return region.end == len(before) and not region.text.endswith(("\n", "\r"))


def _on_lines(now: Snapshot, place: int, region: Region) -> bool:
    """The region's text stands on whole lines at `place`."""
    ends = place + len(region.text)
    starts_line = place == 0 or now.text[place - 1] in "\r\n"
    return starts_line and (ends == len(now.text) or region.text.endswith(("\n", "\r")))
