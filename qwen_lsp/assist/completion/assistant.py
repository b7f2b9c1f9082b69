"""From a cursor to a suggestion: trigger, cache, recall, anchor, context, prompt, generate, post-process."""

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
from qwen_lsp.assist.completion.recall_call import RecallCall
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
    from qwen_lsp.assist.recall import Recall
    from qwen_lsp.storage.acceptance_stats import Stats

_PREFETCH_PAUSE_S = 0.05
"""A key that follows faster than this finds the engine free."""


def _polisher(snapshot: Snapshot, cursor: int, settings: SuggestSettings, multiline: bool) -> PolisherLike:
    return Polisher(snapshot, cursor, settings, multiline=multiline)


class Assistant:
    """Answers the completion requests of one window. Lives on one event loop; never raises for what an engine does."""

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
        """`tell` is called once for each of the few sentences that a user should read unasked."""
        self._engine = engine
        self._settings = settings
        self._context = context
        self._recall = recall
        self._traces: Ring[SuggestionTrace] = traces if traces is not None else Ring()
        self._stats = stats
        self._recall_call = RecallCall(recall, settings, polisher)
        self._prompt_builder = PromptBuilder(settings, context)
        self._suggestion_cache = SuggestionCache()
        self._latest_wins = LatestWins()
        self._idle_worker = IdleWorker()
        self._engine_status = EngineStatus(engine)
        self._debounce = Debounce(settings.suggest.debounce_ms)
        self._acceptance = AcceptanceTracker(stats)
        self._last_edits: dict[str, Edit] = {}
        self._ids = (f"{os.getpid():x}-{id(self):x}-{n}" for n in itertools.count(1))
        self._key = next(self._ids)
        self._last: SuggestionTrace | None = None
        self._engine_call = EngineCall(
            engine, settings, self._prompt_builder, self._debounce, recall, polisher, self._key
        )
        self._prefetcher = Prefetcher(
            engine,
            settings.suggest,
            self._prompt_builder,
            self._suggestion_cache,
            self._engine_status,
            trigger=lambda request: self._trigger(request, known=False),
            polish=self._engine_call.polish,
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
        self._prompt_builder.changed(uri, edits)
        self._suggestion_cache.edited(uri, edits)
        for edit in edits:
            self._acceptance.edited(uri, edit)
            self._last_edits[uri] = edit
        if self._context is not None:
            self._context.changed(after, edits)

    def saved(self, snapshot: Snapshot) -> None:
        """A document was saved."""
        if self._context is not None:
            self._context.saved(snapshot)

    def closed(self, uri: str) -> None:
        """A document was closed."""
        self._acceptance.over(uri)
        self._prompt_builder.closed(uri)
        self._suggestion_cache.forget(uri)
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

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        """Exactly one result, with a trace; a newer request of the same session ends this one."""
        self._idle_worker.cancel()
        trace = TraceBuilder(request)
        try:
            result = await self._latest_wins.run(
                request.session or request.snapshot.uri, self._complete(request, trace)
            )
        except Superseded:
            return self._silent(trace, "superseded")
        except asyncio.CancelledError:
            self._silent(trace, "cancelled")
            raise
        self._idle_worker.start(lambda: self._prefetcher.run(request, result), _PREFETCH_PAUSE_S)
        return result

    async def _complete(self, request: CompletionRequest, trace: TraceBuilder) -> CompletionResult:
        target = CompletionTarget.of(request)
        hit = self._find_cached(request, target)
        triggered = self._trigger(request, known=hit is not None)
        if isinstance(triggered, Rejection):
            return self._silent(trace, str(triggered))
        if hit is not None:
            return self._from_cache(request, target, hit, trace)
        await self._wait_after_deletion(request, trace)
        info = await self._engine_status.info()
        # A request by key is for the model, when there is one.
        if not request.manual or info.state != "ready":
            recalled = self._recalled(target, triggered, info, trace)
            if recalled is not None:
                return self._from_recall(request, recalled, trace)
        if request.manual:
            info = await self._engine_status.loaded()
        if info.state != "ready":
            return self._silent(trace, _why_not_ready(info))
        await self._wait_debounce(request, trace)
        try:
            generated = await self._engine_call.generate(target, triggered, info, request, trace)
        except EngineError as error:
            return self._after_failure(request, target, triggered, trace, error)
        return self._from_engine(request, target, triggered, generated, trace)

    def shown(self, suggestion_id: str) -> None:
        """The editor got this suggestion."""
        self._acceptance.shown(suggestion_id)

    def accepted(self, suggestion_id: str, chars: int | None = None) -> None:
        """The user took it, or its first `chars` characters."""
        self._acceptance.accepted(suggestion_id, chars)

    def status(self) -> AssistantStatus:
        """How the assistant is doing; calls no engine."""
        recall = self._recall.state() if self._recall is not None else None
        return AssistantStatus(
            engine=self._engine_status.last,
            last=self._last,
            silence=self._last.reason if self._last is not None else "",
            check=self._prefetcher.check,
            response_ms=self._debounce.response_ms,
            anchors=self._prompt_builder.anchors,
            known_suggestions=len(self._suggestion_cache),
            prefetched=self._prefetcher.prefetched,
            warmed_tokens=self._prefetcher.warmed_tokens,
            dropped_idle_work=self._idle_worker.dropped,
            counts=dict(self._traces.counts),
            indexed=(self._context is None or self._context.is_indexed) and (recall is None or recall.ready),
            recall=f"{recall.files} files indexed" if recall is not None and recall.ready else "",
        )

    async def close(self) -> None:
        """End all work. The engine stays open: the session owns it."""
        self._latest_wins.cancel_all()
        await self._idle_worker.close()
        await self._engine_status.close()
        self._acceptance.close()
        for part in (self._context, self._recall, self._stats):
            if part is not None:
                await asyncio.to_thread(part.close)

    # The steps

    def _find_cached(self, request: CompletionRequest, target: CompletionTarget) -> CacheHit | None:
        hit = self._suggestion_cache.find(target.snapshot, target.cursor)
        if hit is None or not request.manual or self._settings.suggest.alternatives <= 1:
            return hit
        # A request by key is for a choice: only what was itself offered as a choice will do.
        return hit if hit.known.manual and hit.typed == 0 else None

    def _trigger(self, request: CompletionRequest, *, known: bool) -> Triggered | Rejection:
        is_private: Callable[[Path], bool] = (
            self._context.is_private if self._context is not None else is_secret
        )
        return should_ask(request, self._settings.suggest, known=known, is_private=is_private)

    def _recalled(
        self, target: CompletionTarget, triggered: Triggered, info: EngineInfo | None, trace: TraceBuilder
    ) -> Suggestion | None:
        """A suggestion from the user's own code, when it may come before this engine; without one (None) always."""
        found = self._recall_call.find(target, triggered, info, self._debounce.response_ms, trace)
        if found is None:
            return None
        recalled, polished = found
        suggestion = self._suggestion(target, polished.text, polished.end, "recall", recalled.confidence)
        return dataclasses.replace(suggestion, places=recalled.places)

    async def _wait_after_deletion(self, request: CompletionRequest, trace: TraceBuilder) -> None:
        """While deletions follow each other no text is wanted; after a pause it is.

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
        trace.debounce_ms = self._settings.suggest.deletion_pause_ms
        await asyncio.sleep(self._settings.suggest.deletion_pause_ms / 1000)

    async def _wait_debounce(self, request: CompletionRequest, trace: TraceBuilder) -> None:
        wait_ms = 0.0 if request.manual else self._debounce.wait_ms()
        trace.debounce_ms += wait_ms
        if wait_ms > 0:
            await asyncio.sleep(wait_ms / 1000)

    # The results

    def _from_cache(
        self, request: CompletionRequest, target: CompletionTarget, hit: CacheHit, trace: TraceBuilder
    ) -> CompletionResult:
        source = hit.source
        texts = [hit.text, *(hit.known.others if request.manual and hit.typed == 0 else ())]
        suggestions = [
            self._suggestion(target, text, hit.end, source, hit.known.confidence) for text in texts
        ]
        suggestions[0] = dataclasses.replace(suggestions[0], places=hit.known.places)
        root = hit.known.root
        if source == "prefetched":
            # A suggestion of its own from here on, so that a long chain of accepted ones stays short.
            self._suggestion_cache.remember(request.snapshot, suggestions[:1])
            root = suggestions[0].id
        return self._shown(
            request, suggestions, trace, source, root=root, hit=hit if root == hit.known.root else None
        )

    def _from_recall(
        self, request: CompletionRequest, suggestion: Suggestion, trace: TraceBuilder
    ) -> CompletionResult:
        self._suggestion_cache.remember(request.snapshot, [suggestion])
        return self._shown(request, [suggestion], trace, "recall")

    def _from_engine(
        self,
        request: CompletionRequest,
        target: CompletionTarget,
        triggered: Triggered,
        generated: Generated,
        trace: TraceBuilder,
    ) -> CompletionResult:
        if generated.aborted:
            return self._silent(trace, f"superseded: {generated.aborted}")
        kept: dict[str, Suggestion] = {}
        for result in generated.results:
            if not isinstance(result, Rejection) and result.text not in kept:
                kept[result.text] = self._suggestion(
                    target, result.text, result.end, "engine", result.confidence
                )
        if not kept:
            recalled = self._recalled(target, triggered, None, trace) if request.manual else None
            if recalled is not None:
                return self._from_recall(request, recalled, trace)
            return self._silent(trace, str(generated.results[0]))
        suggestions = list(kept.values())
        self._suggestion_cache.remember(request.snapshot, suggestions, manual=request.manual)
        return self._shown(request, suggestions, trace, "engine")

    def _after_failure(
        self,
        request: CompletionRequest,
        target: CompletionTarget,
        triggered: Triggered,
        trace: TraceBuilder,
        error: EngineError,
    ) -> CompletionResult:
        """The engine failed: the user's own code may still have a suggestion."""
        self._engine_status.invalidate()
        recalled = self._recalled(target, triggered, None, trace)
        result = self._from_recall(request, recalled, trace) if recalled else self._silent(trace, str(error))
        return dataclasses.replace(result, failure=str(error))

    def _suggestion(
        self, target: CompletionTarget, text: str, end: int, source: Source, confidence: float | None
    ) -> Suggestion:
        text, start, end = target.fitted(text, end)
        return Suggestion(next(self._ids), text, start, end, source, confidence)

    def _shown(
        self,
        request: CompletionRequest,
        suggestions: list[Suggestion],
        trace: TraceBuilder,
        source: Source,
        root: str = "",
        hit: CacheHit | None = None,
    ) -> CompletionResult:
        finished = trace.finish(source, shown_chars=len(suggestions[0].text))
        for suggestion in suggestions:
            self._acceptance.offered(
                suggestion,
                root or suggestions[0].id,
                request.snapshot.uri,
                request.snapshot.language,
                finished.total_ms,
                hit,
            )
        self._record(finished, source)
        return CompletionResult(tuple(suggestions), trace=finished)

    def _silent(self, trace: TraceBuilder, reason: str) -> CompletionResult:
        finished = trace.finish("none", reason)
        self._record(finished, "none", f"none: {reason.partition(':')[0]}")
        return CompletionResult(reason=reason, trace=finished)

    def _record(self, trace: SuggestionTrace, *counters: str) -> None:
        self._last = trace
        self._traces.add(trace, *counters)


def _why_not_ready(info: EngineInfo) -> str:
    if info.state == "loading":
        share = f" {info.progress:.0%}" if info.progress is not None else ""
        return f"model loading{share}: {info.detail}"
    return f"no model: {info.detail}" if info.state == "none" else f"model failed: {info.detail}"
