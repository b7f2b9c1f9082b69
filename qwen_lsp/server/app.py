"""The host as one ASGI app: guard, then API and page."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import ASGIApp

from qwen_lsp import __version__
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.recording import recorded, requests_of
from qwen_lsp.engine.remote.http import is_here
from qwen_lsp.server.activity import Activity
from qwen_lsp.server.fim_anchors import RequestAnchors
from qwen_lsp.server.gateway import ApiPageGateway, MakePage
from qwen_lsp.server.guard import Guard
from qwen_lsp.server.responses import install_errors
from qwen_lsp.server.routes.anthropic import anthropic_routes
from qwen_lsp.server.routes.control import control_routes
from qwen_lsp.server.routes.llama import llama_routes
from qwen_lsp.server.routes.openai import openai_routes
from qwen_lsp.settings import Settings


def build_app(
    engine: Engine,
    settings: Settings,
    *,
    token: str = "",
    make_page: MakePage | None = None,
    stop: Callable[[], None] = lambda: None,
    activity: Activity | None = None,
    from_editor: bool = False,
) -> ASGIApp:
    """The app. `token` opens the control routes, and everything when the address is not loopback."""
    activity = activity or Activity()
    engine = recorded(engine)
    requests = requests_of(engine)
    api = build_api(engine)
    api.include_router(control_routes(engine, requests, activity, stop, from_editor=from_editor))
    front = ApiPageGateway(api, engine, make_page, activity)
    return Guard(front, token=token, public=not is_here(settings.host.address))


def build_api(engine: Engine) -> FastAPI:
    """The API for other tools."""
    api = FastAPI(
        title="qwen-lsp host", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    anchors = RequestAnchors()
    api.include_router(openai_routes(engine, anchors))
    api.include_router(llama_routes(engine, anchors))
    api.include_router(anthropic_routes(engine))
    install_errors(api)
    return api
