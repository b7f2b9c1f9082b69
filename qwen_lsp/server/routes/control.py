"""/qwen: our own control of the host; /health and /metrics for whoever watches it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from qwen_lsp import __version__
from qwen_lsp.engine.base import Engine, switchable
from qwen_lsp.engine.wire import info_to_json
from qwen_lsp.metrics import RequestTrace, Ring, as_json
from qwen_lsp.server.activity import Activity
from qwen_lsp.server.prometheus import Gauges
from qwen_lsp.server.responses import refusal


class ModelBody(BaseModel):
    """POST /qwen/model."""

    model: str


def control_routes(
    engine: Engine,
    requests: Ring[RequestTrace],
    activity: Activity,
    stop: Callable[[], None],
    *,
    from_editor: bool,
) -> APIRouter:
    """The routes, on this engine; `stop` ends the host."""
    routes = APIRouter(tags=["control"])
    started = time.time()
    registry = CollectorRegistry()
    gauges = Gauges(requests, activity)
    registry.register(gauges)

    @routes.get("/qwen/status")
    async def status() -> dict[str, Any]:
        """Version, process and engine of this host."""
        info = await engine.info()
        return {
            "version": __version__,
            "pid": os.getpid(),
            "from_editor": from_editor,
            "up_s": time.time() - started,
            "idle_s": activity.idle_s(),
            "open_requests": activity.open,
            "requests": dict(requests.counts),
            "engine": info_to_json(info),
        }

    @routes.get("/qwen/traces")
    async def traces(count: int = 100) -> list[dict[str, Any]]:
        """The last requests: counts and times, no text."""
        return [as_json(trace) for trace in requests.last(max(1, min(count, 2048)))]

    @routes.post("/qwen/model")
    async def switch(body: ModelBody) -> Response:
        """Load another model instead; answers when it is loaded."""
        changing = switchable(engine)
        if changing is None:
            return refusal(409, "This host's engine cannot change its model.", "not_supported")
        info = await changing.switch(body.model)
        return JSONResponse(info_to_json(info))

    @routes.post("/qwen/unload")
    async def unload() -> Response:
        """Let go of the model until somebody asks again."""
        changing = switchable(engine)
        if changing is None:
            return refusal(409, "This host's engine cannot be unloaded.", "not_supported")
        await changing.unload()
        return JSONResponse({"unloaded": True})

    @routes.post("/qwen/stop")
    async def stop_host() -> dict[str, bool]:
        """End this host; what runs is aborted."""
        stop()
        return {"stopping": True}

    @routes.get("/health")
    async def health() -> Response:
        """200 when the model answers, 503 while it loads, as llama.cpp's server says it."""
        info = await engine.info()
        if info.state == "ready":
            return JSONResponse({"status": "ok"})
        error = {"code": 503, "message": info.detail, "type": "unavailable_error"}
        body = {
            "error": error,
            "status": info.state,
            "progress": info.progress,
            "seconds_left": info.seconds_left,
        }
        return JSONResponse(body, 503)

    @routes.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text."""
        gauges.info = await engine.info()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes
