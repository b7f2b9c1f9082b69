"""What the places show first: collected while they are laid out, asked for in one request when the page opens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import gradio as gr

from webui.gradio_types import Component, Json

Opener = Callable[[gr.Request], Awaitable[Sequence[object]]]
"""The first values of some components, in their order, for the page that this request opens."""


class PageOpening:
    """Every place adds its part; the page asks for all of them at once."""

    def __init__(self) -> None:
        self._parts: list[tuple[Opener, list[Component]]] = []

    def add(self, opener: Opener, outputs: Sequence[Component]) -> None:
        """Let these components begin with what the opener says."""
        self._parts.append((opener, list(outputs)))

    def wire(self, page: gr.Blocks, options: Json) -> None:
        """Ask once, when the page opens."""

        async def opened(request: gr.Request) -> list[object]:
            values: list[object] = []
            for opener, outputs in self._parts:
                some = await opener(request)
                assert len(some) == len(outputs), (
                    f"{opener} gives {len(some)} values for {len(outputs)} outputs"
                )
                values += some
            return values

        page.load(opened, None, [one for _, outputs in self._parts for one in outputs], **options)
