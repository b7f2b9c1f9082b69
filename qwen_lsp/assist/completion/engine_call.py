"""One call of the engine for one place: prompt, answer, post-processing, and the alternatives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from qwen_lsp.assist.completion.debounce import Debounce
from qwen_lsp.assist.completion.generate import Generated, PolishedLike, PolisherLike, run
from qwen_lsp.assist.completion.prompt_builder import PromptBuilder
from qwen_lsp.assist.completion.target import CompletionTarget
from qwen_lsp.assist.completion.trace_builder import TraceBuilder
from qwen_lsp.assist.completion.trigger import Triggered
from qwen_lsp.assist.suggestion import CompletionRequest, Rejection
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo, Request, Sampling
from qwen_lsp.errors import EngineError, PromptTooLong
from qwen_lsp.settings import Settings, SuggestSettings

if TYPE_CHECKING:
    from qwen_lsp.assist.recall import Recall

_OTHERS_TEMPERATURE = 0.8
"""Alternatives must differ from the first, which is drawn as the settings say."""
_STARTER_CONFIDENCE = 0.8
MakePolisher = Callable[[Snapshot, int, SuggestSettings, bool], PolisherLike]


class EngineCall:
    """Asks the engine to fill a place."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        prompt_builder: PromptBuilder,
        debounce: Debounce,
        recall: Recall | None,
        make_polisher: MakePolisher,
        key: str,
    ) -> None:
        """`key` is this window's own: its requests supersede each other and nobody else's."""
        self._engine, self._settings = engine, settings
        self._prompt_builder, self._debounce = prompt_builder, debounce
        self._recall, self._make_polisher, self._key = recall, make_polisher, key

    async def generate(
        self,
        point: CompletionTarget,
        go: Triggered,
        info: EngineInfo,
        ask: CompletionRequest,
        note: TraceBuilder,
    ) -> Generated:
        """Ask the engine; with a smaller window when the prompt was too long."""
        while True:
            layout = await self._prompt_builder.layout(point, info)
            note.extra["anchor"] = layout.placed.why
            drafts = self._drafts(point, info)
            key = f"{self._key}:{ask.session or ask.snapshot.uri}"
            request = self._prompt_builder.request(point, layout, info, key=key, drafts=drafts)
            try:
                generated = await run(self._engine, request, [self.polish(point, go, info)])
            except PromptTooLong:
                if not self._prompt_builder.shrink():
                    raise
                continue
            note.engine(generated)
            if not ask.manual:
                self._debounce.answered(generated.total_ms)
            elif self._settings.suggest.alternatives > 1 and not generated.aborted:
                generated.results += await self._others(request, point, go, info)
            return generated

    async def _others(
        self, first: Request, point: CompletionTarget, go: Triggered, info: EngineInfo
    ) -> list[PolishedLike | Rejection]:
        """More answers to the same prompt, which the engine has just read."""
        count = self._settings.suggest.alternatives - 1
        temperature = max(_OTHERS_TEMPERATURE, first.sampling.temperature)
        request = dataclasses.replace(first, n=count, sampling=Sampling(temperature=temperature, top_p=0.95))
        try:
            return (
                await run(self._engine, request, [self.polish(point, go, info) for _ in range(count)])
            ).results
        except EngineError:
            return []  # the first answer is worth showing alone

    def polish(self, point: CompletionTarget, go: Triggered, info: EngineInfo) -> PolisherLike:
        settings = self._settings.suggest
        if info.is_starter:
            # It knows a handful of programs by heart and guesses everywhere else.
            sure = max(settings.min_confidence, _STARTER_CONFIDENCE)
            settings = dataclasses.replace(settings, min_confidence=sure)
        return self._make_polisher(point.snapshot, point.cursor, settings, go.multiline)

    def _drafts(self, point: CompletionTarget, info: EngineInfo) -> tuple[str, ...]:
        """Texts the model may copy from; only our own engine knows how."""
        if self._recall is None or info.kind != "mlx" or self._settings.engine.prompt_lookup == "off":
            return ()
        return self._recall.drafts(point.snapshot, point.cursor)
