"""One comparison while it runs: model by model, cell by cell, each asked through the shared queue and tested on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.recording import recorded
from qwen_lsp.engine.request import EngineInfo, Request
from qwen_lsp.engine.stubs.demo import DemoEngine
from qwen_lsp.errors import QwenLspError
from qwen_lsp.sandbox import job_for_tests, run_contained
from webui.i18n.texts import TEXTS, bilingual
from webui.page_context import PageContext
from webui.parts.markdown_code import split_fences
from webui.parts.progress import phase_html
from webui.request.build import RequestRefusal, plan
from webui.request.test_kit import TestKit, files_of
from webui.running.generation import Generation
from webui.running.model_switch import SwitchedModel
from webui.tabs.compare.comparison import DEMO, LOADED, Cell, Column, cell_of, failed_cell, order_of

Tell = Callable[[str], None]
"""Hears a line of HTML about what is done now; the cells are read from the comparison."""


@dataclass(slots=True)
class Comparison:
    """`cells` grows while `run` goes on, and stays when it is cancelled."""

    context: PageContext
    prompts: Sequence[str]
    columns: Sequence[Column]
    repeats: int
    tests: str
    kit: TestKit
    cells: list[Cell] = field(default_factory=list)
    _under_way: tuple[str, int, int, Generation] | None = None

    @property
    def total(self) -> int:
        """How many cells there will be."""
        return len(self.prompts) * len(self.columns) * self.repeats

    def so_far(self) -> list[Cell]:
        """The ended cells, and what a stopped one has brought."""
        if self._under_way is None:
            return self.cells
        prompt, at, turn, generation = self._under_way
        return [*self.cells, cell_of(prompt, at, turn, self.columns[at].form, generation)]

    async def run(self, tell: Tell) -> None:
        """Everything; other models are loaded one after another, and the first one at the end."""
        groups = order_of(self.prompts, self.columns, self.repeats)
        loaded = groups.pop(LOADED, [])
        await self._ask_all(loaded, tell)
        if groups:
            if self.context.borrowing.is_lent:
                tell(bilingual("compare_waiting"))
            async with self.context.borrowing.of(self.context.services.engine) as loan:
                for model, cells in groups.items():
                    await self._with_model(model, cells, loan, tell)
                if not loan.holds(loan.first):
                    tell(f"{self._count()} {bilingual('compare_back')}")
            tell(self._count())

    async def _with_model(
        self, model: str, cells: Sequence[tuple[str, int, int]], loan: SwitchedModel, tell: Tell
    ) -> None:
        if not loan.holds(model):
            tell(bilingual("compare_switching", model=model))
        try:
            await loan.use(model)
        except QwenLspError as error:
            self.cells += [failed_cell(*cell, str(error)) for cell in cells]
            tell(self._count())
            return
        await self._ask_all(cells, tell)

    async def _ask_all(self, cells: Sequence[tuple[str, int, int]], tell: Tell) -> None:
        for prompt, at, turn in cells:
            self.cells.append(await self._cell(prompt, at, turn, tell))
            tell(self._count())

    async def _cell(self, prompt: str, at: int, turn: int, tell: Tell) -> Cell:
        column = self.columns[at]
        engine = _DEMO if column.model == DEMO else self.context.services.engine
        info = await engine.info()
        asked = plan(column.asked(prompt), column.form, info)
        if isinstance(asked, RequestRefusal):
            return failed_cell(prompt, at, turn, " / ".join(TEXTS[asked.key]))
        generation = await self._answered(prompt, at, turn, engine, asked, tell)
        cell = cell_of(prompt, at, turn, column.form, generation, _named(info))
        if not self.tests.strip() or cell.ending == "failed":
            return cell
        tell(f"{self._count()} {bilingual('compare_testing')}")
        return await self._tested(cell)

    async def _answered(
        self, prompt: str, at: int, turn: int, engine: Engine, asked: Request, tell: Tell
    ) -> Generation:
        generation = Generation(engine, asked)
        self._under_way = (prompt, at, turn, generation)
        async with aclosing(generation.updates()) as states:
            async for state in states:
                tell(f"{self._count()} {phase_html(state)}")
        self._under_way = None
        return generation

    async def _tested(self, cell: Cell) -> Cell:
        """With the verdict of the given tests, or with why there is none."""
        files = files_of(split_fences(cell.text).code, self.tests, self.kit)
        try:
            verdict = await run_contained(
                job_for_tests(self.kit.language, files), self.context.services.settings.sandbox
            )
        except QwenLspError as error:
            return replace(cell, tests=str(error))
        return replace(cell, passes=verdict.passed, tests=verdict.summary)

    def _count(self) -> str:
        return bilingual("compare_running", done=len(self.cells), total=self.total)


def _named(info: EngineInfo) -> str:
    return "starter" if info.is_starter else info.model


_DEMO = recorded(DemoEngine())
