"""News of running answers, for a page that asks. It asks again once it has drawn, so nothing ever piles up in it.

from webui.gradio_types import Json
Gradio tells beginnings and ends; between them each of its messages would cost the browser a copy of the page's state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from webui.gradio_types import Json

Teller = Callable[[int, int], Awaitable[Json]]
"""Given what the page shows already (epoch and length), what is new."""


class LiveUpdates:
    """Who can tell what of which running answer, by the answer's own unguessable name."""

    def __init__(self) -> None:
        self._tellers: dict[str, Teller] = {}

    @contextmanager
    def telling(self, run: str, teller: Teller) -> Iterator[None]:
        """While the block lasts, pages that know the name get news."""
        self._tellers[run] = teller
        try:
            yield
        finally:
            del self._tellers[run]

    def routes(self) -> APIRouter:
        """GET /live/NAME?epoch=…&shown=…; null when that answer has ended, which is no error."""
        routes = APIRouter()

        @routes.get("/live/{run}")
        async def news(run: str, epoch: int = -1, shown: int = 0) -> Response:
            teller = self._tellers.get(run)
            told = None if teller is None else await teller(epoch, shown)
            return JSONResponse(told, headers={"cache-control": "no-store"})

        return routes
