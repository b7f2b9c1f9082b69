"""docs/http-api.md, from the OpenAPI document that the host itself serves."""

from __future__ import annotations

from typing import Any

from qwen_lsp.engine.stubs.none import NoEngine
from qwen_lsp.metrics import Ring
from qwen_lsp.server.activity import Activity
from qwen_lsp.server.app import build_api
from qwen_lsp.server.routes.control import control_routes

_HEAD = """# The host's HTTP API

Generated from the host's OpenAPI document (`GET /openapi.json`) by `python docs/generate.py`; do not edit.

The host listens on loopback only (`host.address`, `host.port`). Requests that change the host (`POST /qwen/...`) need
its token, which stands in the state file in your runtime folder.

| method and path | what it does | fields of the body |
|---|---|---|
"""


def http_api_page() -> str:
    """The page's text."""
    engine = NoEngine()
    api = build_api(engine)
    api.include_router(control_routes(engine, Ring(), Activity(), lambda: None, from_editor=False))
    document = api.openapi()
    rows = []
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            words = (about.get("description") or about.get("summary") or "").strip().partition("\n")[0]
            rows.append(f"| `{method.upper()} {path}` | {words} | {_fields(about, document)} |")
    return _HEAD + "\n".join(rows) + "\n"


def _fields(about: dict[str, Any], document: dict[str, Any]) -> str:
    content = about.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "")
    schema = document.get("components", {}).get("schemas", {}).get(reference.rpartition("/")[2], {})
    return ", ".join(f"`{name}`" for name in schema.get("properties", {}))
