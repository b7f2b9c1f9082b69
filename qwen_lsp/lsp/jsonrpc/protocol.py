"""pygls with its defects mended. It touches private names of pygls 2.1; tests/lsp/jsonrpc/test_protocol.py holds each.

- Futures of notifications were kept for ever (2 KiB per key).
- Unknown enum numbers in a client's capabilities failed `initialize`.
- A request that could not be read, came before `initialize` or after `shutdown` was never answered.
- Any nested JSON object with a "jsonrpc" key was taken for a message.
- Logs held the user's code; each hiccup popped up as an error message in the editor.
- An editor's answer that came after we had given up waiting raised, with a traceback in the log.
- pygls's own copies of documents broke at form feeds: ours are in documents.py, pygls keeps none.
- `initialize` names every feature there is: an editor could not be told of one later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import cattrs
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcRequestCancelled,
    JsonRpcServerNotInitialized,
)
from pygls.lsp.server import LanguageServer
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    LanguageServerProtocol,
    default_converter,
    lsp_method,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MalformedMessage:
    """A message that is not JSON, and why."""

    why: str


class LspProtocol(LanguageServerProtocol):
    """One connection to an editor; every request read gets exactly one answer."""

    _server: LspServer

    def receive(self, data: Any) -> None:
        """Handle one message (parsed JSON, or Garbled), whatever it holds."""
        if isinstance(data, MalformedMessage):
            self._refuse(None, JsonRpcParseError(data.why))
            return
        if not isinstance(data, dict) or data.get("jsonrpc") != "2.0":
            self._refuse(_id_of(data), JsonRpcInvalidRequest("The message is not a JSON-RPC 2.0 object"))
            return
        if (refusal := self._out_of_turn(data) or self._out_of_shape(data)) is not None:
            if "id" in data:
                self._refuse(data["id"], refusal)
            return
        if "method" in data and data["method"] != types.CANCEL_REQUEST and not self._handles(data["method"]):
            return  # a notification that means nothing to us
        try:
            message = self.structure_message(data)
        except Exception as error:  # whatever a stranger sends: missing fields, wrong types, endless nesting
            self._unreadable(data, error)
        else:
            self.handle_message(message)

    def answer_cancelled(self, request_id: int | str) -> None:
        """Answer a request whose cancellation came before it was started."""
        self._refuse(request_id, JsonRpcRequestCancelled("Cancelled before it was started"))

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The message as an object; unlike pygls, its content is not written to the log when that fails."""
        if "method" in data:
            own = JsonRPCRequestMessage if "id" in data else JsonRPCNotification
            kind = self.get_message_type(data["method"]) or own
        elif "error" in data:
            kind = types.ResponseErrorMessage
        else:
            kind = self._result_types.pop(data.get("id"), None) or JsonRPCResponseMessage  # type: ignore[arg-type]
        return self._converter.structure(data, kind)

    def _handle_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        waiting = self._request_futures.get(msg_id)
        if waiting is not None and waiting.done():
            self._request_futures.pop(msg_id, None)  # given up: nobody waits for it any more
        else:
            super()._handle_response(msg_id, result, error)

    def _out_of_turn(self, data: dict[str, Any]) -> JsonRpcException | None:
        """Why this message may not come now, if so."""
        method = data.get("method")
        if method in (None, types.EXIT):
            return None
        if self._shutdown:
            return JsonRpcInvalidRequest("The server is shutting down")
        if self._workspace is None and method != types.INITIALIZE:
            return JsonRpcServerNotInitialized("Send `initialize` first")
        if self._workspace is not None and method == types.INITIALIZE:
            return JsonRpcInvalidRequest("`initialize` was sent already")
        return None

    def _out_of_shape(self, data: dict[str, Any]) -> JsonRpcException | None:
        """Why this message is not one we could answer, if so."""
        if "method" not in data:
            return None
        method = data["method"]
        if not isinstance(method, str):
            return JsonRpcInvalidRequest("A method is a text")
        if "id" not in data:
            return None
        if not _usable_id(data["id"]):
            return JsonRpcInvalidRequest("A request's id is a whole number or a text")
        if not self._handles(method):
            return JsonRpcMethodNotFound(f"There is no method {method}")
        if self.get_message_type(method) is not None and self.get_result_type(method) is None:
            return JsonRpcInvalidRequest(f"{method} is a notification: it has no id")
        return None

    def _handles(self, method: str) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    def _unreadable(self, data: dict[str, Any], error: Exception) -> None:
        method = data.get("method")
        if method is not None and "id" in data:
            why = JsonRpcInvalidParams(f"The parameters of {method!s} cannot be read: {_faults(error)}")
            self._refuse(data["id"], why)
            return
        log.warning("A message could not be read (%s): %s", method or "an answer", type(error).__name__)
        waiting = self._request_futures.pop(data.get("id"), None) if method is None else None  # type: ignore[arg-type]
        if waiting is not None and not waiting.done():
            waiting.set_exception(JsonRpcInvalidRequest("The client's answer cannot be read"))

    def _refuse(self, request_id: Any, why: JsonRpcException) -> None:
        log.info("Refused a message: %s", why.message)
        usable = (
            request_id if isinstance(request_id, int | str) and not isinstance(request_id, bool) else None
        )
        error = {"code": why.code, "message": why.message}
        self._send_data({"jsonrpc": self.VERSION, "id": usable, "error": error})

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Callable[..., Any],
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        def done(future: Future[Any]) -> None:
            self._request_futures.pop(msg_id, None)  # pygls forgets it for requests only
            callback(future)

        super()._execute_handler(msg_id, handler, done, args, kwargs)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Leave out what is registered later."""
        result = yield from super().lsp_initialize(params)
        for capability in self._server.told_later():
            setattr(result.capabilities, capability, None)
        return result

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Handled:
        """Hand the document to our own store only."""
        yield from self._own_handler(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Handled:
        """Hand the change to our own store only."""
        yield from self._own_handler(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Handled:
        """Close it in our own store only."""
        yield from self._own_handler(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> Handled:
        """Leave the main loop: 0 after a `shutdown`, else 1, as the protocol asks."""
        self._server.leave(0 if self._shutdown else 1)
        yield from ()

    def _own_handler(self, method: str, params: Any) -> Handled:
        if (handler := self.fm.features.get(method)) is not None:
            yield handler, (params,), None


Handled = Generator[Any, Any, None]


class LspServer(LanguageServer):
    """The pygls server, with our protocol and nothing popping up by itself."""

    protocol: LspProtocol

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            name, version, protocol_cls=LspProtocol, converter_factory=tolerant_converter, max_workers=1
        )
        self.leave: Callable[[int], None] = lambda code: None
        """Called on `exit`; wire.py sets it."""
        self.told_later: Callable[[], Iterable[str]] = tuple
        """The fields of the server's capabilities that `initialize` leaves out; a feature sets it."""

    def report_server_error(self, error: Exception, source: Any) -> None:
        """To the log; pygls would show each one in the editor."""
        where = getattr(error, "data", None)
        trace = "".join(where["traceback"]) if isinstance(where, dict) and "traceback" in where else ""
        log.error("%s: %s\n%s", type(error).__name__, _first_line(error), trace)


def tolerant_converter() -> cattrs.Converter:
    """pygls's converter, which also takes numbers newer or older than lsprotocol knows."""
    converter: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]

    def trigger_kind(value: Any, _: Any) -> types.InlineCompletionTriggerKind:
        # 3.17 drafts counted from 0: Invoked 0, Automatic 1. An unknown number is taken as asked by key.
        return types.InlineCompletionTriggerKind(value if value in (1, 2) else 1)

    def tag_options(value: Any, _: Any) -> types.CodeActionTagOptions:
        known = [types.CodeActionTag(tag) for tag in value.get("valueSet", []) if tag == 1]
        return types.CodeActionTagOptions(value_set=known)

    converter.register_structure_hook(types.InlineCompletionTriggerKind, trigger_kind)
    converter.register_structure_hook(types.CodeActionTagOptions, tag_options)
    return converter


def _id_of(data: Any) -> Any:
    return data.get("id") if isinstance(data, dict) else None


def _usable_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _faults(error: Exception) -> str:
    """What is wrong with a message's fields; names fields, never their content."""
    if isinstance(error, cattrs.BaseValidationError):
        return "; ".join(cattrs.transform_error(error, format_exception=_fault)[:5])
    return type(error).__name__


def _fault(error: BaseException, expected: type | None) -> str:
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return f"not a {getattr(expected, '__name__', None) or 'valid value'}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
