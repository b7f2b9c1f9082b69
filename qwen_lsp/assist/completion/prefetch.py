"""What is done while nobody asks: the next suggestion as if this one were accepted, a better anchor, the self-check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qwen_lsp.assist.completion import fim_self_check
from qwen_lsp.assist.completion.engine_status import EngineStatus
from qwen_lsp.assist.completion.generate import PolisherLike, run
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
        prompter: PromptBuilder,
        reuse: SuggestionCache,
        watch: EngineStatus,
        *,
        trigger: Callable[[CompletionRequest], Triggered | Rejection],
        polish: Callable[[CompletionTarget, Triggered, EngineInfo], PolisherLike],
        tell: Callable[[str], None] | None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._prompter = prompter
        self._reuse = reuse
        self._watch = watch
        self._trigger = trigger
        self._polish = polish
        self._tell = tell
        self._checked_model: str | None = None
        self.check = "not yet"
        self.prefetched = 0
        self.warmed_tokens = 0

    async def prepare(self, ask: CompletionRequest, answer: CompletionResult) -> None:
        """All of it, the most useful first."""
        info = await self._watch.info()
        if info.state != "ready":
            return
        if self._settings.prefetch and answer.suggestions:
            await self._prefetch(ask, answer, info)
        await self._warm(ask.snapshot, ask.cursor, info)
        await self.self_check()

    async def self_check(self) -> None:
        """Once a model: does it fill a known hole?"""
        info = await self._watch.info()
        if info.model == self._checked_model:
            return
        found = await fim_self_check.check(self._engine, info)
        if found is None:
            return
        self._checked_model, self.check = info.model, found.sentence
        self._prompter.use_way(info.model, found.way)
        if found.sentence != fim_self_check.PASSED and self._tell is not None:
            self._tell(found.sentence)

    async def _prefetch(self, ask: CompletionRequest, answer: CompletionResult, info: EngineInfo) -> None:
        """The suggestion that would follow, were this one accepted."""
        first = answer.suggestions[0]
        hit = self._reuse.find(ask.snapshot, first.start)
        if hit is None or first.source == "recall" or len(hit.known.text) > _MOST_AHEAD_CHARS:
            return
        if hit.typed + len(hit.text) < len(hit.known.text):
            return  # it is there already
        accepted = replaced(ask.snapshot, first.start, first.end, first.text)
        cursor = first.start + len(accepted.text) - len(ask.snapshot.text) + first.end - first.start
        ahead = CompletionRequest(accepted, cursor, session=ask.session)
        go = self._trigger(ahead)
        if isinstance(go, Rejection):
            return
        # A finished line is not written on; what comes next are the lines below it.
        at_line_end = accepted.text[cursor : cursor + 1] in ("", "\n", "\r")
        go = Triggered(go.multiline or (at_line_end and self._settings.multiline != "never"))
        point = CompletionTarget.of(ahead)
        layout = await self._prompter.layout(point, info, keep=False)
        request = replace(
            self._prompter.request(point, layout, info, key=""), lane=Lane.WARM, supersedes=None
        )
        generated = await run(self._engine, request, [self._polish(point, go, info)])
        result = generated.results[0] if generated.results else None
        if result is None or isinstance(result, Rejection) or result.end != cursor:
            return
        if self._reuse.extend(accepted.uri, hit.known.root, hit.known.text, result.text):
            self.prefetched += 1

    async def _warm(self, snapshot: Snapshot, cursor: int, info: EngineInfo) -> None:
        """Read the prompt of a better anchor; the old one serves until this is done."""
        anchor = await self._prompter.better(snapshot, cursor, info)
        if anchor is None:
            return
        usage = await self._engine.warm(self._prompter.warming(snapshot, anchor, info))
        self.warmed_tokens += usage.prefilled_tokens
        self._prompter.adopt(snapshot.uri, anchor)
