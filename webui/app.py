"""The page as one ASGI app: tabs laid out, Gradio mounted with nothing left open."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

# Read when Gradio is imported: without them it asks the network for news of itself.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import fastapi
import gradio as gr
from starlette.types import ASGIApp

from qwen_lsp.runtime import Services
from webui.fast_assets import Assets, AssetsMiddleware
from webui.html_rewrite import HtmlRewriteMiddleware
from webui.i18n.translator import TRANSLATOR, translated
from webui.page_context import QUIET, PageContext, page_context_for
from webui.parts.header import header_html
from webui.parts.shell import shell_html
from webui.places import PLACES
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
_TABS = {
    "generate": build_generate,
    "chat": build_chat,
    "compare": build_compare,
    "loop": build_test_loop,
    "project": build_project,
    "inside": build_inside,
    "monitor": build_monitor,
}


def build_page(services: Services) -> ASGIApp:
    """The page for these services. Serve it behind the server's guard, which knows who may ask."""
    context = page_context_for(services)
    app = fastapi.FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, lifespan=lambda _: keeping(context)
    )
    app.include_router(context.live.routes())
    blocks = _blocks(context)
    app = gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=theme(),
        css=css(),
        i18n=TRANSLATOR,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        max_file_size=_LARGEST_UPLOAD,
        show_error=False,
        mcp_server=False,
        pwa=False,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )
    folder = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    assets = Assets(folder, {block.get_block_name() for block in blocks.blocks.values()})
    return AssetsMiddleware(HtmlRewriteMiddleware(app, assets.head()), assets)


def _blocks(context: PageContext) -> gr.Blocks:
    with gr.Blocks(
        analytics_enabled=False, title="qwen-lsp", fill_width=True, delete_cache=(3600, 86400)
    ) as page:
        gr.HTML(shell_html(), elem_id="shell", apply_default_css=False, js_on_load=None)
        header = gr.HTML(elem_id="header", apply_default_css=False, js_on_load=None)
        with gr.Tabs(elem_id="tabs"):
            for place in PLACES:
                with gr.Tab(translated(f"tab_{place.id}"), id=place.id) as tab:
                    _TABS[place.id](context, page, tab)
        page.unload(_leaver(context))
        _keep_header_true(context, page, header)
        context.opening.wire(page, QUIET)
    quiet(page)
    return page


def _leaver(context: PageContext) -> Callable[[gr.Request], Awaitable[None]]:
    """A page that goes away frees the engine at once; its generators would notice only with their next message."""

    async def leave(request: gr.Request) -> None:  # on the loop, where jobs live
        context.running.stop_all(str(request.session_hash))

    return leave


def _keep_header_true(context: PageContext, page: gr.Blocks, header: gr.HTML) -> None:
    async def look() -> str:
        return header_html(await context.services.engine.info())

    page.load(None, None, None, js=static_text("page.js"))
    timer = gr.Timer(_HEADER_PERIOD_S)
    timer.tick(look, None, header, **QUIET)

    async def first(_: gr.Request) -> list[str]:
        return [await look()]

    context.opening.add(first, [header])
