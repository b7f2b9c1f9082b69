"""Idle work: the suggestion that would follow this one, a better anchor, the self-check of a new model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qwen_lsp.assist.completion import fim_self_check
from qwen_lsp.assist.completion.engine_status import EngineStatus
from qwen_lsp.assist.completion.generate import PolisherLike, run_request
from qwen_lsp.assist.completion.prompt_builder import PromptBuilder
from qwen_lsp.assist.completion.suggestion_cache import SuggestionCache
from qwen_lsp.assist.completion.target import CompletionTarget, replaced
from qwen_lsp.assist.completion.trigger import Triggered
from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult, Rejection
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo, Lane
from qwen_lsp.settings import SuggestSettings

_MOST_AHEAD_CHARS = 4_000


class Prefetcher:
    """Idle work of one assistant. Cancelled at any await; everything it finished stays."""

    def __init__(
        self,
        engine: Engine,
        settings: SuggestSettings,
        prompt_builder: PromptBuilder,
        suggestion_cache: SuggestionCache,
        engine_status: EngineStatus,
        *,
        trigger: Callable[[CompletionRequest], Triggered | Rejection],
        polish: Callable[[CompletionTarget, Triggered, EngineInfo], PolisherLike],
        tell: Callable[[str], None] | None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._prompt_builder = prompt_builder
        self._suggestion_cache = suggestion_cache
        self._engine_status = engine_status
        self._trigger = trigger
        self._polish = polish
        self._tell = tell
        self._checked_model: str | None = None
        self.check = "not yet"
        self.prefetched = 0
        self.warmed_tokens = 0

    async def run(self, request: CompletionRequest, result: CompletionResult) -> None:
        """All idle work, the most useful first."""
        info = await self._engine_status.info()
        if info.state != "ready":
            return
        if self._settings.prefetch and result.suggestions:
            await self._prefetch(request, result, info)
        await self._warm(request.snapshot, request.cursor, info)
        await self.self_check()

    async def self_check(self) -> None:
        """Once for each model: see whether it fills a known hole."""
        info = await self._engine_status.info()
        if info.model == self._checked_model:
            return
        found = await fim_self_check.check(self._engine, info)
        if found is None:
            return
        self._checked_model, self.check = info.model, found.sentence
        self._prompt_builder.use_way(info.model, found.way)
        if found.sentence != fim_self_check.PASSED and self._tell is not None:
            self._tell(found.sentence)

    async def _prefetch(self, request: CompletionRequest, result: CompletionResult, info: EngineInfo) -> None:
        """The suggestion that would follow, were this one accepted."""
        first = result.suggestions[0]
        hit = self._suggestion_cache.find(request.snapshot, first.start)
        if hit is None or first.source == "recall" or len(hit.known.text) > _MOST_AHEAD_CHARS:
            return
        if hit.typed + len(hit.text) < len(hit.known.text):
            return  # it is there already
        accepted = replaced(request.snapshot, first.start, first.end, first.text)
        cursor = first.start + len(accepted.text) - len(request.snapshot.text) + first.end - first.start
        next_request = CompletionRequest(accepted, cursor, session=request.session)
        triggered = self._trigger(next_request)
        if isinstance(triggered, Rejection):
            return
        # After a finished line come the lines below it, so several lines are wanted.
        at_line_end = accepted.text[cursor : cursor + 1] in ("", "\n", "\r")
        triggered = Triggered(triggered.multiline or (at_line_end and self._settings.multiline != "never"))
        target = CompletionTarget.of(next_request)
        layout = await self._prompt_builder.layout(target, info, keep=False)
        engine_request = replace(
            self._prompt_builder.request(target, layout, info, key=""), lane=Lane.WARM, supersedes=None
        )
        generated = await run_request(self._engine, engine_request, [self._polish(target, triggered, info)])
        following = generated.results[0] if generated.results else None
        if following is None or isinstance(following, Rejection) or following.end != cursor:
            return
        if self._suggestion_cache.extend(accepted.uri, hit.known.root, hit.known.text, following.text):
            self.prefetched += 1

    async def _warm(self, snapshot: Snapshot, cursor: int, info: EngineInfo) -> None:
        """Prefill the prompt of a better anchor; the old one serves until this is done."""
        anchor = await self._prompt_builder.better(snapshot, cursor, info)
        if anchor is None:
            return
        usage = await self._engine.warm(self._prompt_builder.warming(snapshot, anchor, info))
        self.warmed_tokens += usage.prefilled_tokens
        self._prompt_builder.adopt(snapshot.uri, anchor)
