"""The page as one ASGI app: tabs laid out, Gradio mounted with nothing left open."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

# Read when Gradio is imported: without them it asks the network for news of itself.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import fastapi
import gradio as gr
from starlette.types import ASGIApp

from qwen_lsp.runtime import Services
from webui.html_rewrite import HtmlRewriteMiddleware
from webui.i18n.translator import TRANSLATOR, translated
from webui.page_context import QUIET, PageContext, page_context_for
from webui.parts.header import header_html, notice_html
from webui.quiet_queue import quiet
from webui.static import static_text
from webui.tabs.chat.tab import build as build_chat
from webui.tabs.compare.tab import build as build_compare
from webui.tabs.generate.tab import build as build_generate
from webui.tabs.inside.tab import build as build_inside
from webui.tabs.monitor.tab import build as build_monitor
from webui.tabs.monitor.tab import keeping
from webui.tabs.project.tab import build as build_project
from webui.tabs.test_loop.tab import build as build_test_loop
from webui.theme import css, theme

_LARGEST_UPLOAD = "2mb"
_HEADER_PERIOD_S = 2.0
_TABS = (
    ("generate", build_generate),
    ("chat", build_chat),
    ("compare", build_compare),
    ("loop", build_test_loop),
    ("project", build_project),
    ("inside", build_inside),
    ("monitor", build_monitor),
)


def build_page(services: Services) -> ASGIApp:
    """The page for these services. Serve it behind the server's guard, which knows who may ask."""
    context = page_context_for(services)
    app = fastapi.FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, lifespan=lambda _: keeping(context)
    )
    app.include_router(context.live.routes())
    app = gr.mount_gradio_app(
        app,
        _blocks(context),
        path="/",
        theme=theme(),
        css=css(),
        i18n=TRANSLATOR,
        footer_links=["settings"],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        max_file_size=_LARGEST_UPLOAD,
        show_error=False,
        mcp_server=False,
        pwa=False,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )
    return HtmlRewriteMiddleware(app)


def _blocks(context: PageContext) -> gr.Blocks:
    with gr.Blocks(
        analytics_enabled=False, title="qwen-lsp", fill_width=True, delete_cache=(3600, 86400)
    ) as page:
        header = gr.HTML(elem_id="header", apply_default_css=False)
        notice = gr.HTML(elem_id="notice", apply_default_css=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            for name, build in _TABS:
                with gr.Tab(translated(f"tab_{name}"), id=name) as tab:
                    build(context, page, tab)
        page.load(_first_tab, None, tabs, **QUIET)
        page.unload(_leaver(context))
        _keep_header_true(context, page, header, notice)
    quiet(page)
    return page


def _leaver(context: PageContext) -> Callable[[gr.Request], Awaitable[None]]:
    """A page that goes away frees the engine at once; its generators would notice only with their next message."""

    async def leave(request: gr.Request) -> None:  # on the loop, where jobs live
        context.running.stop_all(str(request.session_hash))

    return leave


def _first_tab(request: gr.Request) -> Any:
    return gr.update(selected="chat") if "conversation" in request.query_params else gr.skip()


def _keep_header_true(context: PageContext, page: gr.Blocks, header: gr.HTML, notice: gr.HTML) -> None:
    async def look() -> tuple[str, str]:
        info = await context.services.engine.info()
        return header_html(info), notice_html(info)

    page.load(None, None, None, js=static_text("page.js"))
    timer = gr.Timer(_HEADER_PERIOD_S)
    for event in (page.load, timer.tick):
        event(look, None, [header, notice], **QUIET)
