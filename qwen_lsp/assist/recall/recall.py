"""The door to recall: told of every document, asked at every cursor; builds and calibrates in the background."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.assist.recall.builder import Builder
from qwen_lsp.assist.recall.calibrate import calibrate
from qwen_lsp.assist.recall.language_groups import family_of
from qwen_lsp.assist.recall.language_index import IndexHit, LanguageIndex, QueryPosition
from qwen_lsp.assist.recall.open_document import IndexedDocument
from qwen_lsp.assist.recall.render import spell
from qwen_lsp.assist.suggestion import SourceLocation
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.workspace.walk import WalkLimits, gentle_pause, lower_priority, walk
from qwen_lsp.settings import RecallSettings

_MULTILINE_LINES = 6
CALIBRATION_PLACES = 1_500
"""Places at which a workspace's own truth is measured."""
_DRAFT_LINES = 8
_DRAFTS = 3
_SHOWN_PLACES = 5
_REBUILD_AFTER_S = 30.0
_BIGGEST_DOCUMENT_CHARS = 2_000_000


@dataclass(frozen=True, slots=True)
class Recollection:
    """Text to insert at the cursor, the chance that its first line is right, and where it stands already."""

    text: str
    confidence: float
    places: tuple[SourceLocation, ...]


@dataclass(frozen=True, slots=True)
class RecallState:
    """How far the index is."""

    ready: bool
    files: int
    tokens: int
    calibrated: bool
    byte_count: int


class Recall:
    """Suggestions from the workspace's own files and open documents; needs no model."""

    def __init__(
        self, settings: RecallSettings, roots: Sequence[Path], is_private: Callable[[Path], bool]
    ) -> None:
        self._settings = settings
        self._roots = tuple(roots)
        self._is_private = is_private
        self._families: defaultdict[str, LanguageIndex] = defaultdict(LanguageIndex)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._built = threading.Event()
        self._builder = Builder(settings.max_bytes, lambda f: self._families[f].vocabulary, gentle_pause())
        self._thread = threading.Thread(target=self._work, name="recall", daemon=True)
        if settings.mode != "off" and self._roots:
            self._thread.start()

    # Documents

    def opened(self, snapshot: Snapshot) -> None:
        """A document is open now; its text counts instead of its file's."""
        if self._settings.mode != "off" and len(snapshot.text) <= _BIGGEST_DOCUMENT_CHARS:
            with self._lock:
                self._document(snapshot)

    changed = opened

    def closed(self, uri: str) -> None:
        """A document was closed; it counts as it was until its file is read again."""
        with self._lock:
            for family in self._families.values():
                family.close(uri)
        self._wake.set()

    # Answers

    def suggest(self, snapshot: Snapshot, cursor: int, *, multiline: bool) -> Recollection | None:
        """What the user's own code says comes next here, when it is sure enough."""
        if self._settings.mode == "off" or len(snapshot.text) > _BIGGEST_DOCUMENT_CHARS:
            return None
        with self._lock:
            family, document = self._document(snapshot)
            spot = family.spot(document, cursor)
            found = family.continue_from(spot, lines=1)
            if found is None:
                return None
            chance = family.calibration.chance(found.known)
            if chance < family.calibration.cut(self._settings.threshold, at_line_start=spot.at_line_start):
                return None
            if multiline and not snapshot.text[cursor : _line_end(snapshot, cursor)].strip():
                found = found.longer(_MULTILINE_LINES)
            return self._recollection(family, found, spot, snapshot, cursor, chance)

    def drafts(self, snapshot: Snapshot, cursor: int) -> tuple[str, ...]:
        """Texts that may come next, for speculative decoding; unsure ones too, for the model checks them."""
        if self._settings.mode == "off" or len(snapshot.text) > _BIGGEST_DOCUMENT_CHARS:
            return ()
        with self._lock:
            family, document = self._document(snapshot)
            spot = family.spot(document, cursor)
            found = family.continue_from(spot, lines=_DRAFT_LINES)
            if found is None:
                return ()
            texts = []
            for match in found.continuation.supporters[:_DRAFTS]:
                _, text, _, starts, index = family.where(match, found.sources)
                begin = int(starts[index]) + len(spot.typed) if index < len(starts) else len(text)
                texts.append("\n".join(text[begin : begin + 2_000].splitlines()[:_DRAFT_LINES]))
        return tuple(dict.fromkeys(texts))

    def state(self) -> RecallState:
        """How much is indexed."""
        blocks = [f.block for f in list(self._families.values()) if f.block is not None]
        return RecallState(
            ready=self._built.is_set() or not self._roots or self._settings.mode == "off",
            files=sum(len(b.files) for b in blocks),
            tokens=sum(len(b.tokens) for b in blocks),
            calibrated=any(f.calibration.sampled for f in list(self._families.values())),
            byte_count=sum(b.byte_count for b in blocks),
        )

    def wait_until_built(self, timeout_s: float) -> bool:
        """For tests and evaluation: whether the first build has ended within the time."""
        return self._built.wait(timeout_s)

    def close(self) -> None:
        """Stop the background thread."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    # Inside

    def _document(self, snapshot: Snapshot) -> tuple[LanguageIndex, IndexedDocument]:
        family = self._families[family_of(snapshot.language, snapshot.path)]
        document = family.opened.get(snapshot.uri)
        if document is None:
            family.closed.pop(snapshot.uri, None)
            document = family.opened[snapshot.uri] = IndexedDocument(
                snapshot.uri, snapshot.text, family.vocabulary
            )
        else:
            document.replace(snapshot.text)
        return family, document

    def _recollection(
        self,
        family: LanguageIndex,
        found: IndexHit,
        spot: QueryPosition,
        snapshot: Snapshot,
        cursor: int,
        chance: float,
    ) -> Recollection | None:
        continuation = found.continuation
        match = continuation.followed
        _, text, tokens, starts, index = family.where(match, found.sources)
        line_prefix = snapshot.text[snapshot.line_start(snapshot.line_of(cursor)) : cursor]
        local = type(match)(match.source, index, match.run)
        spelled = spell(
            continuation.tokens, local, tokens, starts, text, family.vocabulary.texts,
            typed=spot.typed, line_prefix=line_prefix,
        )  # fmt: skip
        if not spelled or not spelled.strip():
            return None
        return Recollection(spelled, chance, self._where_from(family, found))

    def _where_from(self, family: LanguageIndex, found: IndexHit) -> tuple[SourceLocation, ...]:
        places = []
        for match in found.continuation.supporters[:_SHOWN_PLACES]:
            uri, text, _, starts, index = family.where(match, found.sources)
            offset = int(starts[index]) if index < len(starts) else len(text)
            places.append(SourceLocation(uri, text.count("\n", 0, offset)))
        return tuple(places)

    # The background thread

    def _work(self) -> None:
        lower_priority()
        while not self._stop.is_set():
            self._wake.clear()
            self._build()
            self._built.set()
            self._wake.wait()
            # Several documents are often closed one after the other; read them all in one go.
            self._stop.wait(_REBUILD_AFTER_S)

    def _build(self) -> None:
        with self._lock:
            taken = [uri for family in self._families.values() for uri in family.closed]
        limits = WalkLimits(max_files=self._settings.max_files)
        paths = walk(self._roots, self._is_private, limits, pause=gentle_pause(), stop=self._stop.is_set)
        blocks = self._builder.build(paths, self._stop.is_set)
        for name, block in blocks.items():
            with self._lock:
                self._families[name].swap(block, taken)
        for name in blocks:
            self._calibrate(self._families[name])

    def _calibrate(self, family: LanguageIndex) -> None:
        pause = gentle_pause(0.0005)
        trial = LanguageIndex(
            family.vocabulary, family.block
        )  # its own reader, so that no keystroke waits for it
        calibration = calibrate(trial, CALIBRATION_PLACES, pause, self._stop.is_set)
        if calibration is not None:
            with self._lock:
                family.calibration = calibration


def _line_end(snapshot: Snapshot, cursor: int) -> int:
    end = snapshot.text.find("\n", cursor)
    return len(snapshot.text) if end < 0 else end
