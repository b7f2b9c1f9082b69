"""From a cursor to a suggestion: trigger, reuse, recall, anchor, context, prompt, generate, polish."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp.assist.completion.acceptance import AcceptanceTracker
from qwen_lsp.assist.completion.debounce import Debounce
from qwen_lsp.assist.completion.engine_call import EngineCall, MakePolisher
from qwen_lsp.assist.completion.engine_status import EngineStatus
from qwen_lsp.assist.completion.generate import Generated, PolisherLike
from qwen_lsp.assist.completion.idle_worker import IdleWorker
from qwen_lsp.assist.completion.latest_wins import LatestWins, Superseded
from qwen_lsp.assist.completion.prefetch import Prefetcher
from qwen_lsp.assist.completion.prompt_builder import PromptBuilder
from qwen_lsp.assist.completion.recall_policy import least_confidence
from qwen_lsp.assist.completion.status import AssistantStatus
from qwen_lsp.assist.completion.suggestion_cache import CacheHit, SuggestionCache
from qwen_lsp.assist.completion.target import CompletionTarget
from qwen_lsp.assist.completion.trace_builder import TraceBuilder
from qwen_lsp.assist.completion.trigger import Triggered, should_ask
from qwen_lsp.assist.postprocess import Polisher
from qwen_lsp.assist.suggestion import (
    CompletionRequest,
    CompletionResult,
    Rejection,
    Source,
    Suggestion,
    SuggestionTrace,
)
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.code.workspace.secrets import is_secret
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.errors import EngineError
from qwen_lsp.metrics import Ring
from qwen_lsp.settings import Settings, SuggestSettings

if TYPE_CHECKING:
    from qwen_lsp.assist.context import Context
    from qwen_lsp.assist.recall import Recall, Recollection
    from qwen_lsp.storage.acceptance_stats import Stats

_PREFETCH_PAUSE_S = 0.05
"""A key that follows faster than this finds the engine free."""


def _polisher(snapshot: Snapshot, cursor: int, settings: SuggestSettings, multiline: bool) -> PolisherLike:
    return Polisher(snapshot, cursor, settings, multiline=multiline)


class Assistant:
    """Answers one window's asks. Lives on one event loop; never raises for what an engine does."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        context: Context | None = None,
        recall: Recall | None = None,
        traces: Ring[SuggestionTrace] | None = None,
        stats: Stats | None = None,
        polisher: MakePolisher = _polisher,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """`tell` hears, once each, the few sentences a user should read without asking."""
        self._engine = engine
        self._settings = settings
        self._context = context
        self._recall = recall
        self._traces: Ring[SuggestionTrace] = traces if traces is not None else Ring()
        self._stats = stats
        self._make_polisher = polisher
        self._prompter = PromptBuilder(settings, context)
        self._reuse = SuggestionCache()
        self._turns = LatestWins()
        self._idle = IdleWorker()
        self._watch = EngineStatus(engine)
        self._debounce = Debounce(settings.suggest.debounce_ms)
        self._outcomes = AcceptanceTracker(stats)
        self._last_edits: dict[str, Edit] = {}
        self._ids = (f"{os.getpid():x}-{id(self):x}-{n}" for n in itertools.count(1))
        self._key = next(self._ids)
        self._last: SuggestionTrace | None = None
        self._call = EngineCall(engine, settings, self._prompter, self._debounce, recall, polisher, self._key)
        self._ahead = Prefetcher(
            engine,
            settings.suggest,
            self._prompter,
            self._reuse,
            self._watch,
            trigger=lambda ask: self._trigger(ask, known=False),
            polish=self._call.polish,
            tell=tell,
        )

    # Documents

    def opened(self, snapshot: Snapshot) -> None:
        """A document was opened."""
        for part in (self._context, self._recall):
            if part is not None:
                part.opened(snapshot)

    def changed(self, before: Snapshot, after: Snapshot, edits: Sequence[Edit]) -> None:
        """A document changed; each edit counts in offsets of the version before it."""
        uri = after.uri
        self._debounce.key()
        self._prompter.changed(uri, edits)
        self._reuse.edited(uri, edits)
        for edit in edits:
            self._outcomes.edited(uri, edit)
            self._last_edits[uri] = edit
        if self._context is not None:
            self._context.changed(after, edits)

    def saved(self, snapshot: Snapshot) -> None:
        """A document was saved."""
        if self._context is not None:
            self._context.saved(snapshot)

    def closed(self, uri: str) -> None:
        """A document was closed."""
        self._outcomes.over(uri)
        self._prompter.closed(uri)
        self._reuse.forget(uri)
        self._last_edits.pop(uri, None)
        for part in (self._context, self._recall):
            if part is not None:
                part.closed(uri)

    def files_changed(self, paths: Sequence[Path]) -> None:
        """Files changed outside the editor. The first call, also an empty one, says that the editor watches them."""
        if self._context is not None:
            self._context.files_changed(paths)

    async def wait_until_indexed(self, timeout_s: float = 60.0) -> None:
        """For evaluation and tests: until context and recall have read the workspace, or the time is over."""
        waits: list[Awaitable[object]] = []
        if self._context is not None:
            waits.append(asyncio.wait_for(self._context.wait_until_indexed(), timeout_s))
        if self._recall is not None and not self._recall.state().ready:
            waits.append(asyncio.to_thread(self._recall.wait_until_built, timeout_s))
        await asyncio.gather(*waits, return_exceptions=True)

    # Suggestions

    async def complete(self, ask: CompletionRequest) -> CompletionResult:
        """The answer to an ask: exactly one, with a trace; a newer ask of the same session ends this one."""
        self._idle.drop()
        note = TraceBuilder(ask)
        try:
            answer = await self._turns.take(ask.session or ask.snapshot.uri, self._answer(ask, note))
        except Superseded:
            return self._silent(note, "superseded")
        except asyncio.CancelledError:
            self._silent(note, "cancelled")
            raise
        self._idle.begin(lambda: self._ahead.prepare(ask, answer), _PREFETCH_PAUSE_S)
        return answer

    async def _answer(self, ask: CompletionRequest, note: TraceBuilder) -> CompletionResult:
        point = CompletionTarget.of(ask)
        hit = self._known(ask, point)
        verdict = self._trigger(ask, known=hit is not None)
        if isinstance(verdict, Rejection):
            return self._silent(note, str(verdict))
        if hit is not None:
            return self._from_known(ask, point, hit, note)
        await self._wait_after_deletion(ask, note)
        info = await self._watch.info()
        # Who asks by key, with a model at hand, wants the model.
        if not ask.manual or info.state != "ready":
            recalled = self._recalled(point, verdict, info, note)
            if recalled is not None:
                return self._from_recall(ask, recalled, note)
        if ask.manual:
            info = await self._watch.loaded()
        if info.state != "ready":
            return self._silent(note, _why_not_ready(info))
        await self._wait(ask, note)
        try:
            generated = await self._call.generate(point, verdict, info, ask, note)
        except EngineError as error:
            return self._after_failure(ask, point, verdict, note, error)
        return self._from_engine(ask, point, verdict, generated, note)

    def shown(self, suggestion_id: str) -> None:
        """The editor got this suggestion."""
        self._outcomes.shown(suggestion_id)

    def accepted(self, suggestion_id: str, chars: int | None = None) -> None:
        """The user took it, or its first `chars` characters."""
        self._outcomes.accepted(suggestion_id, chars)

    def status(self) -> AssistantStatus:
        """How we are doing; asks nobody."""
        recall = self._recall.state() if self._recall is not None else None
        return AssistantStatus(
            engine=self._watch.last,
            last=self._last,
            silence=self._last.reason if self._last is not None else "",
            check=self._ahead.check,
            response_ms=self._debounce.response_ms,
            anchors=self._prompter.anchors,
            known_suggestions=len(self._reuse),
            prefetched=self._ahead.prefetched,
            warmed_tokens=self._ahead.warmed_tokens,
            dropped_idle_work=self._idle.dropped,
            counts=dict(self._traces.counts),
            indexed=(self._context is None or self._context.is_indexed) and (recall is None or recall.ready),
            recall=f"{recall.files} files indexed" if recall is not None and recall.ready else "",
        )

    async def close(self) -> None:
        """End all work; the engine stays, it is not ours."""
        self._turns.cancel_all()
        await self._idle.close()
        await self._watch.close()
        self._outcomes.close()
        for part in (self._context, self._recall, self._stats):
            if part is not None:
                await asyncio.to_thread(part.close)

    # The steps

    def _known(self, ask: CompletionRequest, point: CompletionTarget) -> CacheHit | None:
        hit = self._reuse.find(point.snapshot, point.cursor)
        if hit is None or not ask.manual or self._settings.suggest.alternatives <= 1:
            return hit
        # Asked by key, one wants a choice: only what was itself offered as a choice will do.
        return hit if hit.known.manual and hit.typed == 0 else None

    def _trigger(self, ask: CompletionRequest, *, known: bool) -> Triggered | Rejection:
        is_private: Callable[[Path], bool] = (
            self._context.is_private if self._context is not None else is_secret
        )
        return should_ask(ask, self._settings.suggest, known=known, is_private=is_private)

    def _recalled(
        self, point: CompletionTarget, go: Triggered, info: EngineInfo | None, note: TraceBuilder
    ) -> Suggestion | None:
        """What the user's own code says, when it may speak before this engine (None: it has nothing to say)."""
        settings = self._settings.recall
        if self._recall is None or settings.mode == "off":
            return None
        least: float | None = 0.0
        if info is not None:
            least = least_confidence(settings.mode, info, self._debounce.response_ms, settings.threshold)
        if least is None:
            return None
        found = self._recall.suggest(point.snapshot, point.cursor, multiline=go.multiline)
        return self._fitted(point, go, found, note) if found and found.confidence >= least else None

    def _fitted(
        self, point: CompletionTarget, go: Triggered, found: Recollection, note: TraceBuilder
    ) -> Suggestion | None:
        """What was recalled, made to fit like anything else that is shown."""
        polisher = self._make_polisher(point.snapshot, point.cursor, self._settings.suggest, go.multiline)
        polisher.feed(found.text)
        result = polisher.result()
        if isinstance(result, Rejection):
            note.extra["recall"] = str(result)
            return None
        made = self._suggestion(point, result.text, result.end, "recall", found.confidence)
        return dataclasses.replace(made, places=found.places)

    async def _wait_after_deletion(self, request: CompletionRequest, note: TraceBuilder) -> None:
        """While deletions follow each other nobody wants text; a pause after one is when help is wanted.

        A further key supersedes this request while it waits.
        """
        edit = self._last_edits.get(request.snapshot.uri)
        if (
            request.manual
            or edit is None
            or edit.text
            or edit.end == edit.start
            or edit.start != request.cursor
        ):
            return
        note.debounce_ms = self._settings.suggest.deletion_pause_ms
        await asyncio.sleep(self._settings.suggest.deletion_pause_ms / 1000)

    async def _wait(self, ask: CompletionRequest, note: TraceBuilder) -> None:
        wait_ms = 0.0 if ask.manual else self._debounce.wait_ms()
        note.debounce_ms += wait_ms
        if wait_ms > 0:
            await asyncio.sleep(wait_ms / 1000)

    # The endings

    def _from_known(
        self, ask: CompletionRequest, point: CompletionTarget, hit: CacheHit, note: TraceBuilder
    ) -> CompletionResult:
        source = hit.source
        texts = [hit.text, *(hit.known.others if ask.manual and hit.typed == 0 else ())]
        made = [self._suggestion(point, text, hit.end, source, hit.known.confidence) for text in texts]
        made[0] = dataclasses.replace(made[0], places=hit.known.places)
        root = hit.known.root
        if source == "prefetched":
            # A suggestion of its own from here on, so that a long chain of accepted ones stays short.
            self._reuse.remember(ask.snapshot, made[:1])
            root = made[0].id
        return self._shown(ask, made, note, source, root=root, hit=hit if root == hit.known.root else None)

    def _from_recall(self, ask: CompletionRequest, made: Suggestion, note: TraceBuilder) -> CompletionResult:
        self._reuse.remember(ask.snapshot, [made])
        return self._shown(ask, [made], note, "recall")

    def _from_engine(
        self,
        ask: CompletionRequest,
        point: CompletionTarget,
        go: Triggered,
        generated: Generated,
        note: TraceBuilder,
    ) -> CompletionResult:
        if generated.aborted:
            return self._silent(note, f"superseded: {generated.aborted}")
        kept: dict[str, Suggestion] = {}
        for result in generated.results:
            if not isinstance(result, Rejection) and result.text not in kept:
                kept[result.text] = self._suggestion(
                    point, result.text, result.end, "engine", result.confidence
                )
        if not kept:
            recalled = self._recalled(point, go, None, note) if ask.manual else None
            if recalled is not None:
                return self._from_recall(ask, recalled, note)
            return self._silent(note, str(generated.results[0]))
        made = list(kept.values())
        self._reuse.remember(ask.snapshot, made, manual=ask.manual)
        return self._shown(ask, made, note, "engine")

    def _after_failure(
        self,
        ask: CompletionRequest,
        point: CompletionTarget,
        go: Triggered,
        note: TraceBuilder,
        error: EngineError,
    ) -> CompletionResult:
        """The engine broke off: the user's own code may still know."""
        self._watch.doubt()
        recalled = self._recalled(point, go, None, note)
        answer = self._from_recall(ask, recalled, note) if recalled else self._silent(note, str(error))
        return dataclasses.replace(answer, failure=str(error))

    def _suggestion(
        self, point: CompletionTarget, text: str, end: int, source: Source, confidence: float | None
    ) -> Suggestion:
        text, start, end = point.fitted(text, end)
        return Suggestion(next(self._ids), text, start, end, source, confidence)

    def _shown(
        self,
        ask: CompletionRequest,
        made: list[Suggestion],
        note: TraceBuilder,
        source: Source,
        root: str = "",
        hit: CacheHit | None = None,
    ) -> CompletionResult:
        trace = note.trace(source, shown_chars=len(made[0].text))
        for suggestion in made:
            self._outcomes.offered(
                suggestion, root or made[0].id, ask.snapshot.uri, ask.snapshot.language, trace.total_ms, hit
            )
        self._record(trace, source)
        return CompletionResult(tuple(made), trace=trace)

    def _silent(self, note: TraceBuilder, reason: str) -> CompletionResult:
        trace = note.trace("none", reason)
        self._record(trace, "none", f"none: {reason.partition(':')[0]}")
        return CompletionResult(reason=reason, trace=trace)

    def _record(self, trace: SuggestionTrace, *counters: str) -> None:
        self._last = trace
        self._traces.add(trace, *counters)


def _why_not_ready(info: EngineInfo) -> str:
    if info.state == "loading":
        share = f" {info.progress:.0%}" if info.progress is not None else ""
        return f"model loading{share}: {info.detail}"
    return f"no model: {info.detail}" if info.state == "none" else f"model failed: {info.detail}"
