"""What was changed in the open documents, coalesced by place and time: what the user is at.

Feeds next edits, the suggestions' prompt and the page. Pure: the caller brings documents, edits and the time.
Bounded in bytes; private files are never in it. Not for several threads at once, but `recent` is a plain tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from sys import getsizeof
from typing import Literal

from qwen_lsp.code.change import Change, ChangeKind, merge, net
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.code.workspace.secrets import holds_key, is_secret

MOST_BYTES = 2_000_000
"""What the log may hold, all documents together."""
_CHANGE_BYTES = 320
"""A change without its texts."""
_LONGEST = 100_000
"""Characters of one change; a longer one is forgotten, with all before it in its document."""
_SAME_TIME_S = 8.0
"""A pause that does not end a change."""
_LOOKED_BACK = 32
"""Changes among which the place of a new edit is looked for; as many cursors may type at once."""
_LINE_CHARS = 300
_HEAD_CHARS = 4096
"""Of a document, looked at for a private key."""
_KEY_HEADER_CHARS = 26

LastKind = Literal["typed", "deleted", "undone", "accepted"]


@dataclass(frozen=True, slots=True)
class LastEdit:
    """The newest edit as it came. `end` is where it ends now."""

    uri: str
    kind: LastKind
    start: int
    end: int
    at_s: float


class EditLog:
    """The changes of each open document, such that undoing them leads back to an earlier text of it."""

    def __init__(
        self, is_private: Callable[[Path], bool] = is_secret, *, most_bytes: int = MOST_BYTES
    ) -> None:
        self._is_private = is_private
        self._most_bytes = most_bytes
        self._open: dict[str, list[Change]] = {}
        self._closed: list[Change] = []
        self._private: dict[str, bool] = {}
        self._number = 0
        self.bytes = 0
        """An estimate of what it holds."""
        self.last: LastEdit | None = None

    def opened(self, snapshot: Snapshot) -> None:
        """A document was opened, perhaps again; what is known of it from before can no longer be undone."""
        self.closed(snapshot.uri)
        self._private[snapshot.uri] = self._hides(snapshot)

    def closed(self, uri: str) -> None:
        """A document was closed. Its changes stay readable as the oldest."""
        self._closed += self._open.pop(uri, [])
        self._private.pop(uri, None)
        if self.last is not None and self.last.uri == uri:
            self.last = None

    def record(
        self, before: Snapshot, edits: Sequence[Edit], after: Snapshot, at_s: float, *, accepted: bool = False
    ) -> None:
        """Take what made `after` of `before`: edits, each in the text after the one before it.

        `at_s` counts seconds, monotonic.
        """
        uri = before.uri
        if uri not in self._private:
            self._private[uri] = self._hides(before)
        if self._private[uri]:
            return
        kind: ChangeKind = "accepted" if accepted else "typed"
        text = before.text
        for nth, edit in enumerate(edits):
            line = before.line_of(edit.start) if nth == 0 else text.count("\n", 0, edit.start)
            old = text[edit.start : edit.end]
            is_last = nth == len(edits) - 1
            text = after.text if is_last else "".join((text[: edit.start], edit.text, text[edit.end :]))
            if old != edit.text:
                self._number += 1
                self._take(
                    Change(uri, edit.start, old, edit.text, kind, self._number, at_s, at_s, line), text
                )
        self._keep_bounds()

    def changes(self, uri: str) -> tuple[Change, ...]:
        """A document's changes in the order in which undoing them, last first, leads back."""
        return tuple(self._open.get(uri, ()))

    def before(self, snapshot: Snapshot, changes: int | None = None) -> str:
        """The text some changes ago; without a number, before all that are known."""
        known, text = self._open.get(snapshot.uri, []), snapshot.text
        for change in islice(reversed(known), changes):
            text = change.undone(text)
        return text

    def places(self, uri: str, since_s: float = float("-inf")) -> list[Change]:
        """What was changed in a document since then, one change a place, where it stands now; top first."""
        known = self._open.get(uri, [])
        first = at = len(known)
        while at and first - at <= _LOOKED_BACK:  # a touched change may stand that far before an older one
            at -= 1
            if known[at].ended_s >= since_s:
                first = at
        return net(known[first:])

    def recent(self, most: int, *, uri: str | None = None) -> tuple[Change, ...]:
        """The changes last touched, newest first; of all documents, or of one."""
        chains = list(self._open.values()) if uri is None else [self._open.get(uri, [])]
        # A change was among the last of its document when it was touched: all after it but those are newer.
        found = [change for chain in chains for change in chain[-most - _LOOKED_BACK :]]
        found += [c for c in self._closed[-most - _LOOKED_BACK :] if uri in (None, c.uri)]
        return tuple(sorted(found, key=lambda change: -change.number)[:most])

    def uris(self) -> tuple[str, ...]:
        """The open documents that were changed, the last changed first."""
        changed = [(max(c.number for c in chain), uri) for uri, chain in self._open.items() if chain]
        return tuple(uri for _, uri in sorted(changed, reverse=True))

    def reconsider(self) -> None:
        """What is private may have changed: ask anew, and forget what now is."""
        for uri in list(self._private):
            path = Snapshot(uri, "", 0, "").path
            if path is not None and self._is_private(path):
                self._hide(uri)

    def _take(self, change: Change, text: str) -> None:
        """One edit; `text` is what it led to."""
        uri = change.uri
        if max(len(change.new), len(change.old)) > _LONGEST:
            self._drop(self._open.pop(uri, []))
            self.last = None
            return
        if len(change.new) > _KEY_HEADER_CHARS and holds_key(change.new.encode("utf-8", "replace")):
            self._hide(uri)
            return
        undone = self._coalesce(self._open.setdefault(uri, []), change, text)
        kind: LastKind = "undone" if undone else "typed" if change.new else "deleted"
        if change.kind == "accepted":
            kind = "accepted"
        self.last = LastEdit(uri, kind, change.start, change.end, change.ended_s)

    def _coalesce(self, chain: list[Change], change: Change, text: str) -> bool:
        """Add a change to the chain, into the one at its place if that is fresh; whether it undid one."""
        start, length, found = change.start, len(change.old), len(chain)
        after: list[int] = []  # later changes that lie below the new one, and so move with it
        for at in range(len(chain) - 1, max(-1, len(chain) - 1 - _LOOKED_BACK), -1):
            other = chain[at]
            if other.meets(start, start + length):
                found = at
                break
            if start > other.start:
                start -= other.growth
            else:
                after.append(at)
        moved = replace(change, start=start)
        place = chain[found] if found < len(chain) else None
        if place is None or not (moved.undoes(place) or _goes_on(place, moved)):
            chain.append(_with_line(change, text, change))
            self.bytes += _cost(chain[-1])
            return False
        self._drop([place])
        for at in after:
            chain[at] = replace(chain[at], start=chain[at].start + change.growth)
        merged = merge(place, moved)
        if merged.old == merged.new:
            del chain[found]
            return True
        # Where it stands now: as far from the new edit as before the later changes were taken away.
        now = replace(merged, start=merged.start + change.start - moved.start)
        moved_lines = text.count("\n", change.start, now.start) - text.count("\n", now.start, change.start)
        chain[found] = _with_line(replace(merged, line=change.line + moved_lines), text, now)
        self.bytes += _cost(chain[found])
        return False

    def _drop(self, changes: Sequence[Change]) -> None:
        self.bytes -= sum(map(_cost, changes))

    def _keep_bounds(self) -> None:
        while self.bytes > self._most_bytes:
            if self._closed:
                self._drop([self._closed.pop(0)])
                continue
            oldest = min((chain for chain in self._open.values() if chain), key=lambda c: c[0].number)
            self._drop([oldest.pop(0)])

    def _hides(self, snapshot: Snapshot) -> bool:
        path = snapshot.path
        if path is not None and self._is_private(path):
            return True
        return holds_key(snapshot.text[:_HEAD_CHARS].encode("utf-8", "replace"))

    def _hide(self, uri: str) -> None:
        """Forget all of a document and take nothing more of it."""
        self._drop(self._open.pop(uri, []))
        self._drop([c for c in self._closed if c.uri == uri])
        self._closed = [c for c in self._closed if c.uri != uri]
        self._private[uri] = True
        if self.last is not None and self.last.uri == uri:
            self.last = None


def _goes_on(place: Change, change: Change) -> bool:
    """Whether a change at the same place belongs to the one before it."""
    return place.kind == change.kind == "typed" and change.began_s - place.ended_s <= _SAME_TIME_S


def _with_line(change: Change, text: str, now: Change) -> Change:
    """The change with the line it stands on; `now` says where in `text` it is."""
    start, end = now.start, now.end
    begin = text.rfind("\n", 0, start) + 1
    finish = text.find("\n", end)
    finish = len(text) if finish < 0 else finish
    return replace(
        change,
        head=text[max(begin, start - _LINE_CHARS) : start],
        tail=text[end : min(finish, end + _LINE_CHARS)].rstrip("\r"),
    )


def _cost(change: Change) -> int:
    return _CHANGE_BYTES + sum(map(getsizeof, (change.old, change.new, change.head, change.tail)))
