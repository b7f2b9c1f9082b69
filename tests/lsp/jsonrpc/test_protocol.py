"""Each defect of pygls that we work around, and the rule that every request read gets exactly one answer."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.lsp import session
from qwen_lsp.lsp.jsonrpc.protocol import MalformedMessage
from tests.support.lsp.in_process import Inside

URI = "file:///a.py"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """These sessions are never started, and a question for their status would wait until they are."""
    monkeypatch.setattr(session, "_START_PATIENCE_S", 0.01)


def item(text: str) -> dict[str, Any]:
    return {"textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": text}}


def typed(version: int, character: int, text: str) -> dict[str, Any]:
    place = {"line": 0, "character": character}
    return {
        "textDocument": {"uri": URI, "version": version},
        "contentChanges": [{"range": {"start": place, "end": place}, "text": text}],
    }


async def test_keystrokes_leave_nothing_behind_in_the_protocol() -> None:
    inside = Inside()
    await inside.initialize()
    inside.notify("textDocument/didOpen", item(""))
    before = len(inside.server.protocol._request_futures)
    for version in range(2, 1002):
        inside.notify("textDocument/didChange", typed(version, version - 2, "x"))
    await inside.request("workspace/executeCommand", {"command": "qwen_lsp.status"})
    assert len(inside.server.protocol._request_futures) == before
    assert len(inside.server.protocol._result_types) == 0
    document = inside.session.documents.get(URI)
    assert document is not None
    assert document.text == "x" * 1000


async def test_a_form_feed_does_not_corrupt_the_document() -> None:
    inside = Inside()
    await inside.initialize()
    inside.notify("textDocument/didOpen", item("a\f\u2028b\nsecond\n"))
    place = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 6}}
    change = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"range": place, "text": "2"}]}
    inside.notify("textDocument/didChange", change)
    document = inside.session.documents.get(URI)
    assert document is not None
    assert document.text == "a\f\u2028b\n2\n"


async def test_a_client_with_numbers_nobody_knows_yet_is_welcome() -> None:
    capabilities = {"textDocument": {"codeAction": {"tagSupport": {"valueSet": [1, 9]}}}}
    inside = Inside()
    result = await inside.initialize(capabilities=capabilities)
    assert "inlineCompletionProvider" in result["capabilities"]
    assert inside.session.editor.abilities.action_tags


@pytest.mark.parametrize(("number", "meaning"), [(0, 1), (1, 1), (2, 2), (7, 1)])
async def test_old_and_unknown_trigger_kinds_are_read(number: int, meaning: int) -> None:
    inside = Inside()
    converter = inside.server.protocol._converter
    context = converter.structure({"triggerKind": number}, types.InlineCompletionContext)
    assert context.trigger_kind == types.InlineCompletionTriggerKind(meaning)


async def test_inline_completion_is_advertised_to_every_client() -> None:
    for caps in ("nvim", "vscode", "helix", "eglot", "lspmode"):
        result = await Inside().initialize(caps)
        assert result["capabilities"]["inlineCompletionProvider"] == {}, caps


@pytest.mark.parametrize(
    ("message", "request_id", "code"),
    [
        (MalformedMessage("no JSON"), None, -32700),
        ([], None, -32600),
        ([{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}], None, -32600),
        ("text", None, -32600),
        ({"id": 5, "method": "shutdown"}, 5, -32600),
        ({"jsonrpc": "1.0", "id": "a", "method": "shutdown"}, "a", -32600),
        ({"jsonrpc": "2.0", "id": {"not": "an id"}, "method": "shutdown"}, None, -32600),
        ({"jsonrpc": "2.0", "id": 6, "method": "no/such"}, 6, -32601),
        ({"jsonrpc": "2.0", "id": 7, "method": 12}, 7, -32600),
        ({"jsonrpc": "2.0", "id": 8, "method": "textDocument/inlineCompletion"}, 8, -32602),
        (
            {"jsonrpc": "2.0", "id": 9, "method": "textDocument/completion", "params": {"position": 1}},
            9,
            -32602,
        ),
        (
            {"jsonrpc": "2.0", "id": 10, "method": "workspace/executeCommand", "params": {"command": "x"}},
            10,
            -32602,
        ),
    ],
)
async def test_a_bad_message_gets_one_answer_that_says_why(message: Any, request_id: Any, code: int) -> None:
    inside = Inside()
    await inside.initialize()
    inside.send(message)
    answer = await inside.answer(request_id)
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    assert len(inside.answers(request_id)) == 1
    assert await inside.request("workspace/executeCommand", {"command": "qwen_lsp.status"})


async def test_what_comes_before_initialize_and_after_shutdown_is_refused() -> None:
    inside = Inside()
    early = inside.start_request("workspace/executeCommand", {"command": "qwen_lsp.status"})
    inside.notify("textDocument/didOpen", item("dropped"))
    assert (await inside.answer(early))["error"]["code"] == -32002
    await inside.initialize()
    assert inside.session.documents.get(URI) is None
    again = inside.start_request("initialize", {"capabilities": {}, "processId": None, "rootUri": None})
    assert (await inside.answer(again))["error"]["code"] == -32600
    await inside.request("shutdown")
    late = inside.start_request("workspace/executeCommand", {"command": "qwen_lsp.status"})
    assert (await inside.answer(late))["error"]["code"] == -32600


@pytest.mark.parametrize(("shut_down", "code"), [(True, 0), (False, 1)])
async def test_the_exit_code_tells_whether_shutdown_came_first(shut_down: bool, code: int) -> None:
    inside = Inside()
    left: list[int] = []
    inside.server.leave = left.append
    await inside.initialize()
    if shut_down:
        await inside.request("shutdown")
    inside.notify("exit")
    assert left == [code]


async def test_a_setting_named_jsonrpc_is_no_message() -> None:
    inside = Inside()
    await inside.initialize()
    inside.notify("workspace/didChangeConfiguration", {"settings": {"qwen_lsp": {"jsonrpc": "2.0", "id": 1}}})
    assert await inside.request("workspace/executeCommand", {"command": "qwen_lsp.status"})


async def test_an_answer_of_the_editor_that_cannot_be_read_ends_the_wait() -> None:
    inside = Inside()
    await inside.initialize("nvim")
    inside.answer_with["window/showDocument"] = lambda _: "perhaps"
    assert await inside.session.editor.show_document("file:///x") is False


async def test_no_code_of_the_user_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("pygls").setLevel(logging.WARNING)
    inside = Inside()
    await inside.initialize()
    inside.notify("textDocument/didOpen", item("SECRET = 1\n"))
    inside.notify("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": "SECRET"})
    inside.send(
        {"jsonrpc": "2.0", "id": 3, "method": "textDocument/completion", "params": {"position": "SECRET"}}
    )
    inside.send({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": ["SECRET"]})
    await inside.answer(3)
    assert "SECRET" not in caplog.text
    assert "SECRET" not in json.dumps(inside.received)


async def test_nothing_pops_up_in_the_editor_for_a_bad_message() -> None:
    inside = Inside()
    await inside.initialize()
    inside.send({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"nonsense": 1}})
    inside.send({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": None})
    await inside.request("workspace/executeCommand", {"command": "qwen_lsp.status"})
    assert inside.notifications("window/showMessage") == []


async def test_an_editors_answer_that_comes_too_late_is_taken_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inside = Inside()
    await inside.initialize()
    inside.write = lambda data: None  # type: ignore[method-assign]  # this editor takes its time
    asked = inside.server.window_show_document_async(types.ShowDocumentParams("file:///b.py"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asked, 0.01)
    [given_up] = inside.server.protocol._request_futures
    inside.send({"jsonrpc": "2.0", "id": given_up, "result": {"success": True}})
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not inside.server.protocol._request_futures
