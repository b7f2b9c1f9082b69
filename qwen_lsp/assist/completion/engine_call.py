"""One call of the engine for one target: prompt, answer, post-processing, and the alternatives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from qwen_lsp.assist.completion.debounce import Debounce
from qwen_lsp.assist.completion.generate import Generated, PolishedLike, PolisherLike, run_request
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
    """Has the engine fill a target."""

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
        """`key` is this window's: its requests supersede each other and no other window's."""
        self._engine, self._settings = engine, settings
        self._prompt_builder, self._debounce = prompt_builder, debounce
        self._recall, self._make_polisher, self._key = recall, make_polisher, key

    async def generate(
        self,
        target: CompletionTarget,
        triggered: Triggered,
        info: EngineInfo,
        request: CompletionRequest,
        trace: TraceBuilder,
    ) -> Generated:
        """The engine's answers; with a smaller window when the prompt was too long."""
        while True:
            layout = await self._prompt_builder.layout(target, info)
            trace.extra["anchor"] = layout.placed.why
            drafts = self._drafts(target, info)
            key = f"{self._key}:{request.session or request.snapshot.uri}"
            engine_request = self._prompt_builder.request(target, layout, info, key=key, drafts=drafts)
            try:
                generated = await run_request(
                    self._engine, engine_request, [self.polish(target, triggered, info)]
                )
            except PromptTooLong:
                if not self._prompt_builder.shrink():
                    raise
                continue
            trace.engine(generated)
            if not request.manual:
                self._debounce.answered(generated.total_ms)
            elif self._settings.suggest.alternatives > 1 and not generated.aborted:
                generated.results += await self._others(engine_request, target, triggered, info)
            return generated

    async def _others(
        self, first: Request, target: CompletionTarget, triggered: Triggered, info: EngineInfo
    ) -> list[PolishedLike | Rejection]:
        """More answers to the same prompt, which the engine has just prefilled."""
        count = self._settings.suggest.alternatives - 1
        temperature = max(_OTHERS_TEMPERATURE, first.sampling.temperature)
        engine_request = dataclasses.replace(
            first, n=count, sampling=Sampling(temperature=temperature, top_p=0.95)
        )
        try:
            return (
                await run_request(
                    self._engine, engine_request, [self.polish(target, triggered, info) for _ in range(count)]
                )
            ).results
        except EngineError:
            return []  # the first answer is worth showing alone

    def polish(self, target: CompletionTarget, triggered: Triggered, info: EngineInfo) -> PolisherLike:
        settings = self._settings.suggest
        if info.is_starter:
            # It knows a handful of programs by heart and guesses everywhere else.
            sure = max(settings.min_confidence, _STARTER_CONFIDENCE)
            settings = dataclasses.replace(settings, min_confidence=sure)
        return self._make_polisher(target.snapshot, target.cursor, settings, triggered.multiline)

    def _drafts(self, target: CompletionTarget, info: EngineInfo) -> tuple[str, ...]:
        """Texts the model may copy from; only our own engine knows how."""
        if self._recall is None or info.kind != "mlx" or self._settings.engine.prompt_lookup == "off":
            return ()
        return self._recall.drafts(target.snapshot, target.cursor)
