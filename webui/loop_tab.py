"""The test loop: tests first, then rounds of writing and testing in the sandbox until they pass or you stop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from html import escape
from typing import Any

import gradio as gr

from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Message, Request
from qwen_lsp.engine.starter.programs import DEFAULT_SYSTEM
from qwen_lsp.errors import QwenLspError
from qwen_lsp.sandbox import Round, Verdict, job_for_tests, run_contained, until_green
from webui.answer import parts
from webui.form import defaults
from webui.highlight import highlight
from webui.loop_plan import KITS, Kit, ask_for_code, ask_for_tests, files_of
from webui.progress import phase_html
from webui.room import QUIET, Room, key_of
from webui.speech import say
from webui.stream import Generation
from webui.words import both

_TAB = "loop"
_MAX_TOKENS = 4096


def build(room: Room, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    with gr.Row(equal_height=False, elem_classes="q-two"):
        with gr.Column(scale=5, min_width=300):
            requirement = gr.Textbox(label=say("loop_requirement"), lines=4, elem_id="loop-requirement")
            with gr.Row():
                language = gr.Dropdown(
                    list(KITS), value="Python", label=say("language"), elem_id="loop-language"
                )
                attempts = gr.Slider(
                    1,
                    10,
                    room.services.settings.sandbox.attempts,
                    step=1,
                    label=say("loop_attempts"),
                    buttons=[],
                )
            tests = gr.Textbox(
                label=say("loop_tests"), info=say("loop_tests_info"), lines=8, max_lines=24, elem_id="loop-tests",
                elem_classes="q-mono",
            )  # fmt: skip
            with gr.Row():
                write = gr.Button(say("loop_write"), elem_id="loop-write", min_width=120)
                go = gr.Button(
                    say("loop_go"), variant="primary", elem_id="loop-go", elem_classes="q-go", min_width=120
                )
                stop = gr.Button(
                    say("stop"), elem_id="loop-stop", elem_classes="q-stop", interactive=False, min_width=80
                )
        with gr.Column(scale=7, min_width=320):
            bar = gr.HTML(elem_id="loop-bar", apply_default_css=False)
            rounds = gr.HTML(elem_id="loop-rounds", apply_default_css=False)
            accepted = gr.Textbox(
                label=say("loop_accept"), lines=6, max_lines=24, buttons=["copy"], interactive=True,
                elem_id="loop-accepted", elem_classes="q-mono",
            )  # fmt: skip
    asked: dict[str, Any] = {
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    write.click(_test_writer(room), [requirement, language], [tests, bar, go, stop], **asked)
    go.click(
        _runner(room),
        [requirement, language, tests, attempts],
        [tests, bar, rounds, accepted, go, stop],
        **asked,
    )
    stop.click(_stopper(room), None, None, **QUIET)


def _test_writer(room: Room) -> Any:
    async def write(request: gr.Request, requirement: str, language: str) -> AsyncIterator[tuple[Any, ...]]:
        if not (requirement or "").strip():
            yield gr.update(), _line(both("request_empty")), *_buttons(False)
            return
        generation = await _asked(room, ask_for_tests(requirement, KITS[language]))
        async with aclosing(room.running.follow(key_of(request, _TAB), generation)) as states:  # type: ignore[type-var]
            async for state in states:
                yield parts(state.text).code, _line(phase_html(state)), *_buttons(not state.ended)

    return write


def _runner(room: Room) -> Any:
    async def run(
        request: gr.Request, requirement: str, language: str, tests: str, attempts: int
    ) -> AsyncIterator[tuple[Any, ...]]:
        if not (requirement or "").strip():
            yield gr.update(), _line(both("request_empty")), "", "", *_buttons(False)
            return
        kit, key = KITS[language], key_of(request, _TAB)
        if not (tests or "").strip():
            yield "", _line(both("loop_writing_tests")), "", "", *_buttons(True)
            tests = await _written(room, key, ask_for_tests(requirement, kit))
        yield tests, _line(both("loop_writing", number=1)), "", "", *_buttons(True)
        done: list[Round] = []
        problem = ""
        try:
            async with aclosing(_rounds(room, key, requirement, kit, tests, int(attempts))) as ended:  # type: ignore[type-var]
                async for one in ended:
                    done.append(one)
                    line = both("loop_passed") if one.passed else both("loop_writing", number=one.number + 1)
                    yield tests, _line(line), _shown(done, kit), one.code, *_buttons(True)
        except _Stopped:
            problem = both("phase_stopped")
        except QwenLspError as error:
            problem = escape(str(error))
        line = problem or both("loop_passed" if done and done[-1].passed else "loop_failed", count=len(done))
        yield tests, _line(line), _shown(done, kit), done[-1].code if done else "", *_buttons(False)

    return run


def _rounds(
    room: Room, key: str, requirement: str, kit: Kit, tests: str, attempts: int
) -> AsyncIterator[Round]:
    async def write(rounds: Sequence[Round]) -> str:
        return await _written(room, key, ask_for_code(requirement, tests, kit, rounds))

    async def test(code: str) -> Verdict:
        return await run_contained(
            job_for_tests(kit.language, files_of(code, tests, kit)), room.services.settings.sandbox
        )

    return until_green("", write, test, attempts)


class _Stopped(Exception):
    """The user stopped the loop."""


async def _written(room: Room, key: str, words: str) -> str:
    """The code of one whole answer. Raises QwenLspError, or _Stopped when the user did."""
    generation = await _asked(room, words)
    async with aclosing(room.running.follow(key, generation)) as states:  # type: ignore[type-var]
        async for _ in states:
            pass
    if generation.phase == "stopped":
        raise _Stopped
    if generation.phase == "failed":
        raise QwenLspError(generation.error)
    return parts(generation.text).code


async def _asked(room: Room, words: str) -> Generation:
    info: EngineInfo = await room.services.engine.info()
    prompt = ChatPrompt((Message("system", DEFAULT_SYSTEM), Message("user", words)))
    request = Request(prompt, max_tokens=_MAX_TOKENS, sampling=defaults(info).sampling, lane=Lane.CHAT)
    return Generation(room.services.engine, request)


def _shown(rounds: Sequence[Round], kit: Kit) -> str:
    return "".join(_round(one, kit, is_last=one is rounds[-1]) for one in rounds)


def _round(one: Round, kit: Kit, *, is_last: bool) -> str:
    mark = "good" if one.passed else "bad"
    blocks = [("loop_code", highlight(one.code, kit.language))]
    if one.number > 1 and one.diff:
        blocks.append(("loop_diff", highlight(f"{one.diff}\n", "diff")))
    if not one.passed and one.output:
        blocks.append(("loop_output", escape(one.output)))
    folded = "".join(
        f'<details{" open" if is_last else ""}><summary>{both(name)}</summary><pre class="q-code" tabindex="0">{html}</pre></details>'
        for name, html in blocks
    )
    verdict = f'<span class="q-verdict {mark}">{escape(one.verdict.summary)}</span>'
    return f'<section class="q-step q-round"><h3>{both("loop_round", number=one.number)} {verdict}</h3>{folded}</section>'


def _line(html: str) -> str:
    return f'<div class="q-line" role="status">{html}</div>'


def _stopper(room: Room) -> Any:
    async def stop(request: gr.Request) -> None:
        room.running.stop(key_of(request, _TAB))

    return stop


def _buttons(running: bool) -> tuple[Any, Any]:
    return gr.update(interactive=not running), gr.update(interactive=running)
