"""Code actions: what can be done here, and doing it. Plan, ask the model, finish; nothing is applied here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from qwen_lsp.assist.actions.catalogue import offers, plan_for
from qwen_lsp.assist.actions.custom_actions import custom_actions
from qwen_lsp.assist.actions.outcome import Reply, finish, repaired
from qwen_lsp.assist.actions.parse_answer import is_complete
from qwen_lsp.assist.actions.spec import ActionPlan
from qwen_lsp.assist.actions.types import ActionProgress, ActionRequest, Offer, Outcome, Report
from qwen_lsp.assist.actions.validate import Parses
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Lane, Request, Sampling
from qwen_lsp.errors import ActionRefused
from qwen_lsp.settings import Settings

Current = Callable[[str], Snapshot | None]
"""The open document with this URI as it is now, or None."""

_MOST_READ_BYTES = 1_000_000
_CHARS_PER_TOKEN = 3.0
"""Cautious: code has three to four characters a token."""
_REPAIR = Offer("repair", "Make the tests pass", "")


class Actions:
    """The code actions of one editor window."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        current: Current = lambda uri: None,
        parses: Parses | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._options = settings.actions
        self._current = current
        self._parses = parses or _tree_sitter_parses
        self._custom, self.problems = custom_actions(settings.actions.custom)

    def offers(self, request: ActionRequest) -> list[Offer]:
        """What can be done here. Never asks the engine."""
        return offers_here(request, self._settings)

    async def perform(
        self, offer: Offer, request: ActionRequest, report: Report = lambda progress: None
    ) -> Outcome:
        """Do it: ask the model and make an outcome of its answer.

        Raises ActionRefused with the reason, or an EngineError. Cancelling the task stops the engine.
        """
        plan = plan_for(offer, request, self._read, self._custom)
        reply = await self._generate(plan, report)
        now = self._current(request.snapshot.uri) or request.snapshot
        return finish(plan, reply, now, self._there(plan, now), self._parses)

    async def repair(self, snapshot: Snapshot, failures: str, report: Report = lambda progress: None) -> str:
        """The whole text of a file, rewritten so that its tests may pass; nothing is applied.

        Raises ActionRefused with the reason, or an EngineError. Cancelling the task stops the engine.
        """
        request = ActionRequest(snapshot, 0, 0, instruction=failures)
        plan = plan_for(_REPAIR, request, self._read)
        return repaired(plan, await self._generate(plan, report))

    async def _generate(self, plan: ActionPlan, report: Report) -> Reply:
        """The answer, read until it is whole: what comes after the code is not waited for."""
        request = self._request(plan)
        pieces: list[str] = []
        lines = 0
        report(ActionProgress("reading the code"))
        async with aclosing(self._engine.generate(request)) as stream:
            async for chunk in stream:
                if chunk.progress is not None and chunk.progress.total_tokens:
                    read, total = chunk.progress.done_tokens, chunk.progress.total_tokens
                    report(ActionProgress(f"read {read} of {total} tokens", 0.5 * read / total))
                if chunk.text:
                    pieces.append(chunk.text)
                    if "\n" in chunk.text:
                        lines += chunk.text.count("\n")
                        report(ActionProgress(f"wrote {lines} lines", self._share(plan, pieces)))
                        if self._is_enough(plan, pieces):
                            return Reply("".join(pieces))
                if chunk.finish is not None:
                    if chunk.finish.reason == "abort":
                        raise ActionRefused(
                            f"Stopped: {chunk.finish.detail or 'the engine was asked to stop'}."
                        )
                    return Reply("".join(pieces), cut=chunk.finish.reason == "length")
        return Reply("".join(pieces))

    def _request(self, plan: ActionPlan) -> Request:
        needed = round(len(plan.region.text) / _CHARS_PER_TOKEN)
        if plan.writes_all and needed > self._options.max_tokens:
            raise ActionRefused(
                f"This is about {needed} tokens of code, and an answer may have {self._options.max_tokens} "
                "(actions.max_tokens). Select less."
            )
        return Request(
            plan.prompt,
            max_tokens=self._options.max_tokens,
            sampling=Sampling(temperature=self._options.temperature),
            lane=Lane.ACTION,
            drafts=plan.drafts,
            id=f"action/{plan.offer.id}",
        )

    def _is_enough(self, plan: ActionPlan, pieces: list[str]) -> bool:
        if plan.use in {"show", "review"} or plan.spec.is_draft:
            return False  # what follows the code matters here
        return is_complete("".join(pieces))

    def _share(self, plan: ActionPlan, pieces: list[str]) -> float | None:
        expected = len(plan.region.text)
        return (
            min(0.99, 0.5 + 0.5 * sum(map(len, pieces)) / expected) if plan.writes_all and expected else None
        )

    def _read(self, path: Path) -> str | None:
        there = self._file(path)
        return there.text if there is not None else None

    def _there(self, plan: ActionPlan, now: Snapshot) -> Snapshot | None:
        if plan.path is None:
            return None
        return now if plan.path == now.path else self._file(plan.path)

    def _file(self, path: Path) -> Snapshot | None:
        """A file as the editor has it, else as the disk has it (version -1)."""
        opened = self._current(path.as_uri())
        if opened is not None:
            return opened
        try:
            if path.stat().st_size > _MOST_READ_BYTES:
                return None
            with path.open(encoding="utf-8", newline="") as file:
                return Snapshot(path.as_uri(), "", -1, file.read())
        except (OSError, UnicodeDecodeError):
            return None


def _tree_sitter_parses(text: str, language: str) -> bool | None:
    from qwen_lsp.code.syntax import parses

    return parses(text, language)


def offers_here(request: ActionRequest, settings: Settings) -> list[Offer]:
    """What can be done at a place, without an engine at hand."""
    if not settings.actions.enabled:
        return []
    return offers(request, custom_actions(settings.actions.custom)[0])
