"""What the editor gets for what it asks, with an assistant that says what the test wrote down."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qwen_lsp.storage.acceptance_stats import Stats
from tests.support.lsp.in_process import Inside
from tests.support.lsp.window import URI, Window
from tests.support.scripted_assistant import Line


def span(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


# --- ghost text


@pytest.mark.parametrize(
    ("caps", "column"),
    # "    é😋 = (" before the cursor: columns in UTF-16, UTF-8 and UTF-32
    [("vscode", 11), ("nvim", 14), ("helix", 14), ("eglot", 10), ("lspmode", 10)],
)
async def test_ghost_text_stands_at_the_cursor_in_the_clients_columns(caps: str, column: int) -> None:
    window = Window(Line("é😋 = (", ("1, 2",)))
    await window.start("x\f = 1\r\n    é😋 = ()\r\n", caps)
    (item,) = await window.items(1, column)
    assert item["insertText"] == "1, 2"
    assert item["range"] == span(1, column, column)
    assert item["command"]["command"] == "qwen_lsp.accepted"


async def test_a_swallowed_closer_is_in_the_range_and_in_the_text() -> None:
    window = Window(Line("f(", ("a, b)",), swallow=")"))
    await window.start("f()\n")
    (item,) = await window.items(0, 2)
    assert (item["insertText"], item["range"]) == ("a, b)", span(0, 2, 3))


async def test_carriage_returns_never_reach_the_editor() -> None:
    window = Window(Line("x:", ("\r\n    a\r    b\n",)))
    await window.start("x:\r\n")
    (item,) = await window.items(0, 2)
    assert item["insertText"] == "\n    a\n    b\n"


async def test_several_suggestions_come_in_order() -> None:
    window = Window(Line("x = ", ("1", "2", "3")))
    await window.start("x = ")
    assert [i["insertText"] for i in await window.items(0, 4, kind=1)] == ["1", "2", "3"]
    assert window.assistant.asks[-1].manual


async def test_nothing_is_an_empty_list() -> None:
    window = Window()
    await window.start("x = ")
    assert (await window.answer(window.ask(0, 4)))["result"] == {"items": []}
    assert (await window.status())["last"]["reason"] == "nothing in the script"


async def test_a_document_that_is_not_open_gets_nothing() -> None:
    window = Window(Line("", ("x",)))
    await window.start("x")
    window.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await window.items(0, 0) == []
    assert window.told("closed") == [{"event": "closed", "uri": URI}]


async def test_the_document_is_taken_as_it_is_when_asked() -> None:
    window = Window(Line("a", ("!",)))
    await window.start("a")
    asked = window.ask(0, 1)
    await asyncio.sleep(0)  # the handler starts, as it does before the next message is read from the wire
    window.type(2, 0, 1, "b")
    await window.answer(asked)
    assert window.assistant.asks[-1].snapshot.text == "a"
    assert [(b.text, a.text) for b, a, _ in window.assistant.changes] == [("a", "ab")]


async def test_a_position_outside_the_document_is_moved_inside() -> None:
    window = Window()
    await window.start("ab\nc")
    for line, character, cursor in [(0, 99, 2), (7, 0, 4), (1, 500, 4)]:
        await window.items(line, character)
        assert window.assistant.asks[-1].cursor == cursor


async def test_the_selected_completion_item_is_handed_on() -> None:
    window = Window()
    await window.start("console.l")
    info = {"range": span(0, 8, 9), "text": "log"}
    await window.items(0, 9, selectedCompletionInfo=info)
    ask = window.assistant.asks[-1]
    assert (ask.selected, ask.selected_start) == ("log", 8)


# --- cancelling and failing


async def test_a_cancel_reaches_the_assistant_and_is_answered_once() -> None:
    window = Window(Line("x", hang=True))
    await window.start("x")
    asked = window.ask(0, 1)
    await window.assistant.asked.wait()
    window.notify("$/cancelRequest", {"id": asked})
    answer = await window.answer(asked)
    assert answer["error"]["code"] == -32800
    assert len(window.told("cancelled")) == 1
    assert len(window.answers(asked)) == 1


async def test_cancelling_what_is_answered_already_changes_nothing() -> None:
    window = Window(Line("x", ("y",)))
    await window.start("x")
    asked = window.ask(0, 1)
    await window.answer(asked)
    window.notify("$/cancelRequest", {"id": asked})
    window.notify("$/cancelRequest", {"id": 12345})
    assert await window.items(0, 1)
    assert len(window.answers(asked)) == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("The host is out of reach.", "The host is out of reach."),
        ("!boom", "An unexpected failure: RuntimeError: boom"),
    ],
)
async def test_a_failed_suggestion_is_silent_in_the_editor_and_told_in_the_status(
    failure: str, reason: str
) -> None:
    window = Window(Line("x", fail=failure))
    await window.start("x")
    assert await window.items(0, 1) == []
    assert window.notifications("window/showMessage") == []
    assert (await window.status())["last"]["reason"] == reason


async def test_requests_wait_for_the_assistant_to_be_built() -> None:
    window = Window(Line("x", ("y",)))
    await window.initialize()
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x"}
    window.notify("textDocument/didOpen", {"textDocument": item})
    asked = window.ask(0, 1)
    await asyncio.sleep(0)
    assert window.answers(asked) == []
    window.notify("initialized", {})
    assert (await window.answer(asked))["result"]["items"][0]["insertText"] == "y"
    assert window.told("opened") == [{"event": "opened", "uri": URI, "text": "x"}]


async def test_an_assistant_that_cannot_be_built_is_told_once_and_all_requests_are_answered() -> None:
    inside = Inside()  # its builder raises
    await inside.initialize()
    inside.notify("initialized", {})
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x"}
    inside.notify("textDocument/didOpen", {"textDocument": item})
    for _ in range(3):
        params = {
            "textDocument": {"uri": URI},
            "position": {"line": 0, "character": 1},
            "context": {"triggerKind": 2},
        }
        assert await inside.request("textDocument/inlineCompletion", params) == {"items": []}
    (shown,) = inside.notifications("window/showMessage")
    assert "could not start" in shown["message"]


# --- completion items


async def test_a_client_without_ghost_text_gets_completion_items() -> None:
    window = Window(Line("é.app", ("end(1)\nprint()",), swallow=")"))
    await window.start("    é.app\n", "eglot")
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 9}}
    result = await window.request("textDocument/completion", where)
    (item,) = result["items"]
    assert result["isIncomplete"] is True
    assert item["label"] == "append(1) …"
    assert item["textEdit"] == {"range": span(0, 6, 9), "newText": "append(1)\nprint()"}
    assert item["filterText"] == "append(1)\nprint()"
    assert item["detail"] == "Qwen"
    assert "documentation" not in item
    resolved = await window.request("completionItem/resolve", item)
    assert "append(1)\nprint()" in resolved["documentation"]["value"]
    assert {k: v for k, v in resolved.items() if k != "documentation"} == item


async def test_documentation_is_fenced_longer_than_any_fence_in_the_code() -> None:
    window = Window(Line("x", ("```\ny",)))
    await window.start("x", "lspmode")
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 1}}
    (item,) = (await window.request("textDocument/completion", where))["items"]
    resolved = await window.request("completionItem/resolve", item)
    assert resolved["documentation"] == {"kind": "markdown", "value": "````python\nx```\ny\n````"}


@pytest.mark.parametrize(
    ("caps", "mode", "expected"),
    [
        ("vscode", "auto", 0),
        ("nvim", "auto", 0),
        ("helix", "auto", 1),
        ("vscode", "on", 1),
        ("helix", "off", 0),
    ],
)
async def test_items_come_only_where_they_are_wanted(caps: str, mode: str, expected: int) -> None:
    window = Window(Line("x", ("y",)))
    await window.start("x", caps, settings={"suggest": {"completion_items": mode}})
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 1}}
    result = await window.request("textDocument/completion", where)
    assert len(result["items"]) == expected


async def test_an_editor_with_ghost_text_hears_of_items_only_while_they_are_wanted() -> None:
    window = Window(Line("x", ("y",)))

    def want(mode: str) -> None:
        window.answer_with["workspace/configuration"] = lambda _: [{"suggest": {"completion_items": mode}}]
        window.notify("workspace/didChangeConfiguration", {"settings": None})

    async def told(method: str, count: int) -> Any:
        def about_items() -> list[Any]:
            sent = [
                each for (each,) in (n.values() for n in window.notifications(f"client/{method}Capability"))
            ]
            return [one for each in sent for one in each if one["method"] == "textDocument/completion"]

        await window.wait_for(lambda _: len(about_items()) == count)
        return about_items()[-1]

    await window.start("x", "vscode")
    hello = await window.wait_for(lambda m: "capabilities" in (m.get("result") or {}))
    assert "completionProvider" not in hello["result"]["capabilities"]
    for times in (1, 2):
        want("on")
        registration = await told("register", times)
        assert "(" in registration["registerOptions"]["triggerCharacters"]
        assert registration["registerOptions"]["resolveProvider"] is True
        want("auto")
        assert (await told("unregister", times))["id"] == registration["id"]


@pytest.mark.parametrize("caps", ["vscode", "helix"])
async def test_files_that_change_outside_reach_the_assistant_where_the_editor_watches(caps: str) -> None:
    window = Window(Line("x", ("y",)))
    await window.start("x", caps)

    def registered() -> list[str]:
        sent = [each for (each,) in (n.values() for n in window.notifications("client/registerCapability"))]
        return [one["method"] for each in sent for one in each]

    await window.wait_for(lambda _: "workspace/didChangeWatchedFiles" in registered())
    changes = [{"uri": "file:///work/other.py", "type": 2}, {"uri": URI, "type": 2}]
    window.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    await window.wait_for(lambda _: any(told["paths"] for told in window.told("files changed")))
    assert window.told("files changed")[-1]["paths"] == ["/work/other.py"]  # what is open is the editor's


@pytest.mark.parametrize("caps", ["nvim", "helix", "eglot", "lspmode"])
async def test_other_editors_hear_of_items_at_once(caps: str) -> None:
    inside = Inside()
    capabilities = (await inside.initialize(caps))["capabilities"]
    assert "(" in capabilities["completionProvider"]["triggerCharacters"]


async def test_an_editor_that_asks_for_ghost_text_without_announcing_it_gets_no_items_beside_it() -> None:
    window = Window(Line("x", ("y",)))
    await window.start("x", "lspmode")
    assert await window.items(0, 1)
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 1}}
    assert (await window.request("textDocument/completion", where))["items"] == []


# --- commands


async def test_acceptance_is_passed_on_whole_or_in_part() -> None:
    window = Window(Line("x", ("yz",)))
    await window.start("x")
    (item,) = await window.items(0, 1)
    arguments = item["command"]["arguments"]
    assert await window.command("accepted", *arguments, 1) is True
    assert await window.command("accepted", *arguments) is True
    assert await window.command("accepted", "unknown") is False
    assert [(e["id"], e["chars"]) for e in window.told("accepted")] == [
        (arguments[0], 1),
        (arguments[0], None),
    ]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("accepted", []), ("accepted", [1]), ("accepted", ["a", "b"]), ("accepted", ["a", -1]), ("trigger", [])],
)
async def test_a_command_with_wrong_arguments_says_what_it_wants(name: str, arguments: list[Any]) -> None:
    window = Window()
    await window.start()
    params = {"command": f"qwen_lsp.{name}", "arguments": arguments}
    answer = await window.answer(window.start_request("workspace/executeCommand", params))
    assert answer["error"]["code"] == -32602
    assert "Argument" in answer["error"]["message"]


async def test_toggle_silences_and_wakes_but_a_manual_ask_is_always_heard() -> None:
    window = Window(Line("x", ("y",)))
    await window.start("x")
    assert await window.command("toggle") is False
    assert await window.items(0, 1) == []
    assert (await window.status())["state"] == "off"
    assert "toggle" in (await window.status())["last"]["reason"]
    assert len(await window.items(0, 1, kind=1)) == 1
    assert await window.command("toggle") is True
    assert len(await window.items(0, 1)) == 1


async def test_trigger_makes_the_next_question_a_manual_one() -> None:
    window = Window()
    await window.start("x")
    await window.command("trigger", URI)
    await window.items(0, 1)
    await window.items(0, 1)
    assert [ask.manual for ask in window.assistant.asks] == [True, False]


async def test_the_page_is_opened_by_the_editor_or_its_address_is_told() -> None:
    able, unable = Window(), Window()
    able.answer_with["window/showDocument"] = lambda _: {"success": True}
    await able.start()
    assert await able.command("openPage") == "http://127.0.0.1:7860/"
    (asked,) = [m for m in able.received if m.get("method") == "window/showDocument"]
    assert asked["params"]["external"] is True
    unable.answer_with["window/showDocument"] = lambda _: {"success": False}
    await unable.start()
    await unable.command("openPage")
    assert "http://127.0.0.1:7860/" in unable.notifications("window/showMessage")[0]["message"]


async def test_the_source_of_a_suggestion_is_shown() -> None:
    window = Window(Line("x", ("y",), places=("file:///work/b.py",)))
    window.answer_with["window/showDocument"] = lambda _: {"success": True}
    await window.start("x")
    (item,) = await window.items(0, 1)
    places = await window.command("showSource", item["command"]["arguments"][0])
    assert places == [{"uri": "file:///work/b.py", "line": 3}]
    (asked,) = [m for m in window.received if m.get("method") == "window/showDocument"]
    assert asked["params"]["selection"]["start"] == {"line": 3, "character": 0}
    assert await window.command("showSource", "unknown") == []


async def test_saving_and_closing_are_passed_on() -> None:
    window = Window()
    await window.start("x")
    window.notify("textDocument/didSave", {"textDocument": {"uri": URI}})
    window.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert len(window.told("saved")) == len(window.told("closed")) == 1


async def test_statistics_are_shown_and_erased() -> None:
    window = Window()
    await window.start()
    assert "stay on this machine" in await window.command("stats")
    stats = Stats.open()
    stats.shown("python", 12.0)
    stats.close()
    assert "python" in await window.command("stats")
    await window.command("eraseStats")
    assert "python" not in await window.command("stats")
