"""The test loop: tests first, then rounds of writing and testing in the sandbox until they pass or you stop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from html import escape

import gradio as gr

from qwen_lsp.engine.request import Message
from qwen_lsp.errors import QwenLspError
from qwen_lsp.sandbox import Round, Verdict, job_for_tests, run_contained, until_green
from webui.gradio_types import Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext
from webui.parts.examples import try_one
from webui.parts.highlight import highlight
from webui.parts.lines import line_html, say_html
from webui.parts.markdown_code import split_fences
from webui.parts.progress import phase_html
from webui.parts.verdict import verdict_html
from webui.parts.workspace_files import NotReadable, Workspace
from webui.request.build import chat_request
from webui.request.test_kit import KITS, TestKit, ask_for_code, ask_for_tests, files_of
from webui.running.controls import RunControls, Runner, run_buttons
from webui.running.generation import Generation
from webui.running.task import BackgroundTask

_TAB = "loop"
_MAX_TOKENS = 4096


def build(context: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    with gr.Row(equal_height=False, elem_classes="q-two"):
        with gr.Column(scale=5, min_width=300):
            requirement = gr.Textbox(
                label=translated("loop_requirement"), lines=4, elem_id="loop-requirement"
            )
            try_one(requirement, _TAB, 0, 4)
            with gr.Row(elem_classes="q-pair"):
                language = gr.Dropdown(
                    list(KITS), value="Python", label=translated("language"), elem_id="loop-language"
                )
                attempts = gr.Slider(
                    1,
                    10,
                    context.services.settings.sandbox.attempts,
                    step=1,
                    label=translated("loop_attempts"),
                    buttons=[],
                )
            tests = gr.Textbox(
                label=translated("loop_tests"), info=translated("loop_tests_info"), lines=8, max_lines=24, elem_id="loop-tests",
                elem_classes="q-mono",
            )  # fmt: skip
            with gr.Row():
                go, stop = run_buttons(_TAB, "loop_go")
                write = gr.Button(
                    translated("loop_write"), elem_id="loop-write", min_width=120, size="lg", scale=0
                )
        with gr.Column(scale=7, min_width=320):
            bar = gr.HTML(elem_id="loop-bar", apply_default_css=False)
            rounds = gr.HTML(
                f'<p class="q-blank">{bilingual("loop_empty")}</p>',
                elem_id="loop-rounds",
                apply_default_css=False,
            )
            accepted = gr.Textbox(
                label=translated("loop_accept"), lines=6, max_lines=24, buttons=["copy"], interactive=True,
                elem_id="loop-accepted", elem_classes="q-mono",
            )  # fmt: skip
            folder, file, put, told = _acceptance()
    run = RunControls(context, _TAB, go, stop)
    run.starts(write.click, _test_writer(context, run), [requirement, language], [tests, bar])
    run.starts(
        go.click,
        _runner(context, run),
        [requirement, language, tests, attempts],
        [tests, bar, rounds, accepted],
    )
    put.click(_put, [accepted, folder, file], told, **QUIET)


def _acceptance() -> tuple[gr.Textbox, gr.Textbox, gr.Button, gr.HTML]:
    """Where the accepted code is written to."""
    with gr.Row():
        folder = gr.Textbox(
            label=translated("project_folder"), max_lines=1, elem_id="loop-folder", min_width=150
        )
        file = gr.Textbox(label=translated("accept_file"), max_lines=1, elem_id="loop-file", min_width=150)
        put = gr.Button(
            translated("accept_write"), elem_id="loop-put", elem_classes="q-low", size="md", min_width=100
        )
    return folder, file, put, gr.HTML(elem_id="loop-told", apply_default_css=False)


def _put(code: str, folder: str, file: str) -> str:
    """Write the code into a file of the chosen folder, in place of what it held."""
    try:
        if not (code or "").strip():
            raise NotReadable("There is no code to write yet.")
        workspace, name = Workspace.at(folder or ""), (file or "").strip()
        before = workspace.read(name) if workspace.place(name).exists() else None
        workspace.write(name, code, before=before)
    except NotReadable as error:
        return say_html(bilingual("project_refused", why=error), bad=True)
    return say_html(bilingual("accept_done", names=name))


def _test_writer(context: PageContext, run: RunControls) -> Runner:
    async def write(request: gr.Request, requirement: str, language: str) -> AsyncGenerator[Updates, None]:
        if not (requirement or "").strip():
            yield gr.update(), line_html(bilingual("request_empty"))
            return
        generation = await _asked(context, ask_for_tests(requirement, KITS[language]))
        async with aclosing(run.follow(request, generation)) as states:
            async for state in states:
                yield split_fences(state.text).code, line_html(phase_html(state))

    return write


def _runner(context: PageContext, run: RunControls) -> Runner:
    async def mend(
        request: gr.Request, requirement: str, language: str, tests: str, attempts: int
    ) -> AsyncGenerator[Updates, None]:
        if not (requirement or "").strip():
            yield gr.update(), line_html(bilingual("request_empty")), "", ""
            return
        kit = KITS[language]

        async def deed(tell: Tell) -> None:
            await _mend(context, requirement, kit, tests or "", int(attempts), tell)

        work = BackgroundTask(deed, LoopStage(tests or "", bilingual("loop_writing_tests")))
        async with aclosing(run.follow(request, work)) as states:
            async for state in states:
                yield _drawn(state, kit)

    return mend


@dataclass(frozen=True, slots=True)
class LoopStage:
    """How far a loop is: its tests, a line of HTML about what is done now, the rounds that ended."""

    tests: str
    line: str
    rounds: tuple[Round, ...] = ()


Tell = Callable[[LoopStage], None]


async def _mend(
    context: PageContext, requirement: str, kit: TestKit, tests: str, attempts: int, tell: Tell
) -> None:
    """Tests first, when there are none; then rounds until they pass. Raises QwenLspError."""
    if not tests.strip():
        tests = await _written(context, ask_for_tests(requirement, kit))
    done: list[Round] = []

    def say_now(key: str) -> None:
        tell(LoopStage(tests, bilingual(key, number=len(done) + 1), tuple(done)))

    async def write(rounds: Sequence[Round]) -> str:
        say_now("loop_writing")
        return await _written(context, ask_for_code(requirement, tests, kit, rounds))

    async def test(code: str) -> Verdict:
        say_now("loop_testing")
        job = job_for_tests(kit.language, files_of(code, tests, kit))
        return await run_contained(job, context.services.settings.sandbox)

    async with aclosing(until_green("", write, test, attempts)) as ended:
        async for one in ended:
            done.append(one)
            key = "loop_passed" if one.passed else "loop_failed"
            tell(LoopStage(tests, bilingual(key, count=len(done)), tuple(done)))


def _drawn(work: BackgroundTask[LoopStage], kit: TestKit) -> Updates:
    stage = work.news
    line = stage.line
    if work.state == "stopped":
        line = bilingual("phase_stopped")
    elif work.state == "failed":
        line = escape(work.error)
    code = stage.rounds[-1].code if stage.rounds else ""
    return stage.tests, line_html(line), _shown(stage.rounds, kit), code


async def _written(context: PageContext, words: str) -> str:
    """The code of one whole answer. Raises QwenLspError; cancelling frees the engine."""
    generation = await _asked(context, words)
    async with aclosing(generation.updates()) as states:
        async for _ in states:
            pass
    if generation.phase == "failed":
        raise QwenLspError(generation.error)
    return split_fences(generation.text).code


async def _asked(context: PageContext, words: str) -> Generation:
    info = await context.services.engine.info()
    request = chat_request(Message("user", words), info=info, max_tokens=_MAX_TOKENS)
    return Generation(context.services.engine, request)


def _shown(rounds: Sequence[Round], kit: TestKit) -> str:
    return "".join(_round(one, kit, is_last=one is rounds[-1]) for one in rounds)


def _round(one: Round, kit: TestKit, *, is_last: bool) -> str:
    mark = "good" if one.passed else "bad"
    blocks = [("loop_code", highlight(one.code, kit.language))]
    if one.number > 1 and one.diff:
        blocks.append(("loop_diff", highlight(f"{one.diff}\n", "diff")))
    if not one.passed and one.output:
        blocks.append(("loop_output", escape(one.output)))
    folded = "".join(
        f'<details{" open" if is_last else ""}><summary>{bilingual(name)}</summary><pre class="q-code" tabindex="0">{html}</pre></details>'
        for name, html in blocks
    )
    verdict = f'<span class="q-verdict {mark}">{verdict_html(one.verdict)}</span>'
    return f'<section class="q-step q-round"><h3>{bilingual("loop_round", number=one.number)} {verdict}</h3>{folded}</section>'
