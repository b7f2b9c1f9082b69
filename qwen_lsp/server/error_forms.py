"""An error in the words of whoever asked: OpenAI's form, Anthropic's, or Ollama's, by the path that was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
ErrorForm = Callable[[int, str, str, str | None], Json]
"""(status, message, code, field) -> body"""


def error_form(path: str) -> ErrorForm:
    """The form of errors under this path."""
    return next((form for start, form in _FORMS.items() if path.startswith(start)), _openai)


def _openai(status: int, message: str, code: str, field: str | None) -> Json:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": field, "code": code}}


def _anthropic(status: int, message: str, code: str, field: str | None) -> Json:
    kind = _ANTHROPIC_KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _ollama(status: int, message: str, code: str, field: str | None) -> Json:
    return {"error": message}


_ANTHROPIC_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
_FORMS: dict[str, ErrorForm] = {"/v1/messages": _anthropic, "/api/": _ollama}
