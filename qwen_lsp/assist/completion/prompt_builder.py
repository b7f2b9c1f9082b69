"""From a target to the engine's request: anchor, other files, template. Holds the anchors of all documents."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from qwen_lsp.assist.completion.anchor import Anchor, Anchors, Placed, Sizes
from qwen_lsp.assist.completion.target import CompletionTarget
from qwen_lsp.assist.prompts.fim import Hole, OtherFile
from qwen_lsp.assist.prompts.token_estimate import estimated_tokens
from qwen_lsp.assist.prompts.ways import Way, render, stops, usual_way
from qwen_lsp.code.snapshot import Edit, Snapshot, with_unix_newlines
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Request, Sampling, TextPrompt
from qwen_lsp.settings import Settings

_MOST_DOCUMENTS = 32
_SAMPLE_CHARS = 4_000
"""How much of the text on each side of the cursor says how densely it is written."""
_DENSITY_STEP = 0.05
"""Densities are rounded up to this, so that neighbouring windows have one size."""
_STARTER_FACTOR = 3.0
"""The starter's small vocabulary cuts text it has never seen into so many times more tokens."""
_REGATHER_LINES = 48
_SMALLEST_BUDGET_CHARS = 800


class SnippetLike(Protocol):
    """A piece of another file."""

    @property
    def path(self) -> str: ...
    @property
    def text(self) -> str: ...


class Gatherer(Protocol):
    """Where code from other files comes from (assist/context)."""

    async def snippets(self, snapshot: Snapshot, cursor: int) -> Sequence[SnippetLike]:
        """What to show the model beside this place."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """What a prompt is made of: the anchored window and the files shown with it."""

    placed: Placed
    others: tuple[OtherFile, ...]


class PromptBuilder:
    """Builds engine requests, and keeps what must stay the same from one to the next."""

    def __init__(self, settings: Settings, context: Gatherer | None = None) -> None:
        self._settings = settings
        self._context = context
        self._documents: OrderedDict[str, _Document] = OrderedDict()
        self._shrunk = 1.0
        self._ways: dict[str, Way] = {}

    def way(self, info: EngineInfo) -> Way:
        """How this model is asked to fill a hole."""
        return self._ways.get(info.model) or usual_way(info)

    def use_way(self, model: str, way: Way) -> None:
        """Use this way for a model from now on: a known hole has shown that it is the best."""
        self._ways[model] = way

    @property
    def anchors(self) -> int:
        """How many anchors are alive."""
        return sum(len(document.anchors) for document in self._documents.values())

    # Documents

    def changed(self, uri: str, edits: Sequence[Edit]) -> None:
        """Carry the document's anchors over its edits."""
        document = self._documents.get(uri)
        if document is not None:
            for edit in edits:
                document.anchors.edited(edit)

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._documents.pop(uri, None)

    # Requests

    async def layout(self, target: CompletionTarget, info: EngineInfo, *, keep: bool = True) -> Layout:
        """The layout for a target; a new anchor is kept from now on, unless `keep` is false."""
        document = self._document(target.snapshot.uri)
        placed = document.anchors.place(
            target.snapshot, target.cursor, lambda: self._sizes(target.snapshot, target.cursor, info)
        )
        if not placed.is_new:
            # Only the place is refreshed: at a keystroke, no other file is looked at.
            if keep:
                document.anchors.keep(placed.anchor)
            return Layout(placed, _files(placed.anchor))
        shared = document.anchors.alike(placed.anchor)
        others = _files(shared) if shared else await self._gather(document, target.snapshot, target.cursor)
        anchor = replace(placed.anchor, extra=others)
        if keep:
            document.anchors.keep(anchor)
        return Layout(replace(placed, anchor=anchor), others)

    async def better(self, snapshot: Snapshot, cursor: int, info: EngineInfo) -> Anchor | None:
        """An anchor worth preparing in idle time, not yet kept; None when the present one is good enough."""
        document = self._documents.get(snapshot.uri)
        if document is None:
            return None
        anchor = document.anchors.better(snapshot, cursor, lambda: self._sizes(snapshot, cursor, info))
        held = document.anchors.find(snapshot, cursor)
        old = _files(held.anchor) if held else ()
        far = abs(snapshot.line_of(cursor) - document.gathered_line) > _REGATHER_LINES
        new = await self._gather(document, snapshot, cursor) if far or anchor else old
        if set(new) <= set(old):
            new = old
        if anchor is None and (held is None or held.gap or new == old):
            return None
        base = anchor or (held.anchor if held else None)
        return replace(base, extra=new) if base else None

    def adopt(self, uri: str, anchor: Anchor) -> None:
        """Use a prepared anchor from now on."""
        if uri in self._documents:
            self._documents[uri].anchors.keep(anchor)

    def request(
        self,
        target: CompletionTarget,
        layout: Layout,
        info: EngineInfo,
        *,
        key: str,
        drafts: tuple[str, ...] = (),
    ) -> Request:
        """The engine request for this target."""
        settings = self._settings.suggest
        way = self.way(info)
        typed = layout.placed.typed
        return Request(
            prompt=self._prompt(target.snapshot, layout.placed.anchor, layout.others, typed, info),
            max_tokens=settings.max_tokens,
            sampling=Sampling(temperature=settings.temperature),
            stop=stops(way, info),
            lane=Lane.INLINE,
            supersedes=key,
            heal=may_end_inside_a_token(typed) and not (way == "chat" and info.kind == "remote"),
            drafts=drafts,
        )

    def warming(self, snapshot: Snapshot, anchor: Anchor, info: EngineInfo) -> Request:
        """The request that prefills the frozen part of a prompt."""
        prompt = self._prompt(snapshot, anchor, _files(anchor), "", info)
        return Request(prompt=prompt, max_tokens=0, lane=Lane.WARM)

    def shrink(self) -> bool:
        """After a prompt was too long: use less from now on; False when there is nothing left to cut."""
        self._shrunk /= 2
        self._documents.clear()
        return self._shrunk > 0.01

    def _prompt(
        self,
        snapshot: Snapshot,
        anchor: Anchor,
        others: tuple[OtherFile, ...],
        typed: str,
        info: EngineInfo,
    ) -> TextPrompt | ChatPrompt:
        suffix = with_unix_newlines(anchor.suffix)
        if info.is_starter:
            # It has learnt to fill in whole lines of one file at a time, and nothing else.
            others, suffix = (), suffix.removeprefix("\n")
        path = snapshot.path
        name = path.name if path else snapshot.uri.rpartition("/")[2]
        repo = path.parent.name if path else ""
        hole = Hole(with_unix_newlines(anchor.prefix), suffix, with_unix_newlines(typed), name, repo, others)
        return render(hole, self.way(info), info, snapshot.language)

    def _sizes(self, snapshot: Snapshot, cursor: int, info: EngineInfo) -> Sizes:
        """Window sizes at this place: within the user's budget of tokens and what the model can hold."""
        settings = self._settings
        available = (info.context_tokens or settings.engine.context_tokens) - settings.suggest.max_tokens
        available = min(available, settings.engine.context_tokens - settings.suggest.max_tokens)
        others = settings.context.max_tokens if self._context is not None and settings.context.enabled else 0
        tokens = min(settings.suggest.window_tokens, (available - min(others, available // 4)) * self._shrunk)
        budget = int(tokens / _tokens_per_char(snapshot.text, cursor, info))
        return Sizes.of(
            settings.suggest.prefix_lines, settings.suggest.suffix_lines, max(_SMALLEST_BUDGET_CHARS, budget)
        )

    async def _gather(self, document: _Document, snapshot: Snapshot, cursor: int) -> tuple[OtherFile, ...]:
        if self._context is None or self._shrunk < 1.0:
            return ()
        document.gathered_line = snapshot.line_of(cursor)
        return tuple(
            OtherFile(s.path, with_unix_newlines(s.text))
            for s in await self._context.snippets(snapshot, cursor)
        )

    def _document(self, uri: str) -> _Document:
        document = self._documents.pop(uri, None) or _Document()
        self._documents[uri] = document
        while len(self._documents) > _MOST_DOCUMENTS:
            self._documents.popitem(last=False)
        return document


class _Document:
    """What is kept for one document."""

    def __init__(self) -> None:
        self.anchors = Anchors()
        self.gathered_line = 0


def _tokens_per_char(text: str, cursor: int, info: EngineInfo) -> float:
    """How densely the text around the cursor is written, for the model's vocabulary."""
    around = text[max(0, cursor - _SAMPLE_CHARS) : cursor + _SAMPLE_CHARS]
    density = estimated_tokens(around) / max(1, len(around))
    if info.is_starter:
        density *= _STARTER_FACTOR
    return max(1, math.ceil(density / _DENSITY_STEP)) * _DENSITY_STEP


def may_end_inside_a_token(typed: str) -> bool:
    """Whether the next letters could change how the end of the typed text is cut into tokens."""
    return bool(typed) and typed[-1] not in "\r\n"


def _files(anchor: Anchor) -> tuple[OtherFile, ...]:
    return anchor.extra if isinstance(anchor.extra, tuple) else ()
