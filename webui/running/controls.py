"""One way to run something on a place of the page: a button starts a job, another stops it, and both follow it."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import gradio as gr

from webui.gradio_types import Component, Handler, Updates
from webui.i18n.translator import translated
from webui.page_context import QUIET, STREAMED, PageContext
from webui.running.jobs import J

Runner = Callable[..., AsyncGenerator[Updates, None]]
"""Takes the request first and then the inputs; yields the outputs' updates while its job runs."""


def run_buttons(
    name: str, label: str, *, go_id: str = "", stop_id: str = "", size: str = "lg"
) -> tuple[gr.Button, gr.Button]:
    """The starting and the stopping button, side by side; Ctrl+Enter and Escape press them."""
    with gr.Row(elem_classes="q-run q-first"):
        go = gr.Button(
            translated(label),
            variant="primary",
            elem_id=go_id or f"{name}-go",
            elem_classes="q-go",
            size=size,
            scale=3,
            min_width=120,
        )
        stop = gr.Button(
            translated("stop"),
            elem_id=stop_id or f"{name}-stop",
            elem_classes="q-stop",
            size=size,
            scale=1,
            interactive=False,
            min_width=80,
        )
    return go, stop


class RunControls:
    """The job of one place: at most one a browser tab, stopped by its button and when the tab closes."""

    def __init__(self, context: PageContext, name: str, go: gr.Button, stop: gr.Button) -> None:
        self._running, self._name = context.running, name
        self._buttons = [go, stop]
        stop.click(self._stop, None, None, **QUIET)

    def starts(
        self,
        press: Callable[..., object],
        runner: Runner,
        inputs: Component | Sequence[Component],
        outputs: Sequence[Component],
    ) -> None:
        """Let an event (`go.click`) start the runner; the two buttons change when its job begins and when it ends."""
        press(self._with_buttons(runner), inputs, [*outputs, *self._buttons], **STREAMED)

    def follow(self, request: gr.Request, job: J) -> AsyncGenerator[J, None]:
        """The updates of a job of this place; an older one of the same browser tab is stopped first."""
        return self._running.follow(self._key(request), job)

    def _with_buttons(self, runner: Runner) -> Handler:
        @functools.wraps(runner)  # Gradio finds what it must hand over by the runner's own signature
        async def run(*values: object) -> AsyncGenerator[Updates, None]:
            key = self._key(next(one for one in values if isinstance(one, gr.Request)))
            told = False
            async with aclosing(runner(*values)) as rows:
                async for row in rows:
                    runs = self._running.runs(key)
                    yield (*row, *(_UNCHANGED if runs == told else _buttons(running=runs)))
                    told = runs

        return run

    async def _stop(self, request: gr.Request) -> None:
        self._running.stop(self._key(request))

    def _key(self, request: gr.Request) -> str:
        return f"{request.session_hash}/{self._name}"


_UNCHANGED: Updates = (gr.skip(), gr.skip())
"""What has not changed is not told again: each update is drawn."""


def _buttons(*, running: bool) -> Updates:
    return gr.update(interactive=not running), gr.update(interactive=running)
