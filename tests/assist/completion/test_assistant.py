"""The main flow with a scripted engine: what is asked, what is answered, and what every ask leaves behind."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from qwen_lsp.assist.context import Snippet
from qwen_lsp.assist.prompts.chat import HOLE
from qwen_lsp.assist.prompts.token_estimate import estimated_tokens
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Marker, Request, Text
from qwen_lsp.engine.stubs.none import NoEngine
from qwen_lsp.engine.stubs.scripted import Gate, ScriptedEngine
from qwen_lsp.errors import EngineUnavailable, PromptTooLong
from qwen_lsp.settings import Settings
from tests.support.assistant_user import Desk, quick

BODY = "def area(radius):\n    ¦\n\n\nprint(area(2))\n"


async def test_a_suggestion_is_made_at_the_cursor() -> None:
    desk = Desk(BODY, "return 3 * radius")
    answer = await desk.ask()
    (made,) = answer.suggestions
    assert (made.text, made.start, made.end, made.source) == (
        "return 3 * radius",
        desk.cursor,
        desk.cursor,
        "engine",
    )


async def test_a_keystroke_appends_to_the_prompt_and_changes_nothing_else() -> None:
    desk = Desk(BODY, "???")
    for char in "value = radius ** 2\n    other = 7\n    return va":
        desk.type(char)
        await desk.ask(manual=True)
    firsts = {prompt.parts[:-1] for prompt in desk.prompts}
    typed = [prompt.parts[-1] for prompt in desk.prompts]
    assert len(firsts) == 1
    assert typed[-1] == Text("    value = radius ** 2\n    other = 7\n    return va")


async def test_the_end_of_the_typed_text_is_healed_unless_a_line_has_just_begun() -> None:
    desk = Desk("x = 1\n¦\n", "???", quick(alternatives=1))
    await desk.ask(manual=True)
    assert desk.scripted.requests[-1].heal is False
    desk.type("retu")
    await desk.ask(manual=True)
    assert desk.scripted.requests[-1].heal is True
    desk.type("rn\n")
    await desk.ask(manual=True)
    assert desk.scripted.requests[-1].heal is False


async def test_the_request_is_an_inline_one_that_supersedes_its_own_session_only() -> None:
    desk = Desk(BODY, "???", quick(alternatives=1))
    for session in ("one", "two", "one"):
        await desk.ask(session=session, manual=True)
    keys = [request.supersedes for request in desk.scripted.requests]
    assert keys[0] == keys[2] != keys[1]
    assert {request.lane for request in desk.scripted.requests} == {Lane.INLINE}


async def test_typing_through_asks_the_engine_nothing() -> None:
    desk = Desk(BODY, "return 3 * radius")
    await desk.ask()
    for n, char in enumerate("return 3 * radiu"):
        desk.type(char)
        assert await desk.text_of() == "return 3 * radius"[n + 1 :]
        assert desk.traces.last(1)[0].source == "typed-through"
    assert len(desk.scripted.requests) == 1


async def test_backing_into_a_suggestion_shows_it_though_text_was_deleted() -> None:
    desk = Desk(BODY, "return 3 * radius")
    await desk.ask()
    desk.type("rx")
    await desk.ask(manual=True)
    asked = len(desk.scripted.requests)
    desk.backspace()
    assert await desk.text_of() == "eturn 3 * radius"
    assert len(desk.scripted.requests) == asked


async def test_deletions_that_follow_each_other_ask_the_engine_nothing() -> None:
    desk = Desk(BODY, "return 1", quick(deletion_pause_ms=60_000))
    desk.type("xyz")
    asks = []
    for _ in range(3):
        desk.backspace()
        asks.append(asyncio.create_task(desk.ask()))
        await asyncio.sleep(0)
    desk.type("r")
    await desk.ask()
    assert [(await ask).reason for ask in asks] == ["superseded"] * 3
    assert len(desk.scripted.requests) == 1


async def test_a_pause_after_a_deletion_brings_help() -> None:
    desk = Desk(BODY, "return 1", quick(deletion_pause_ms=1))
    desk.type("x")
    desk.backspace()
    assert await desk.text_of() == "return 1"


async def test_the_model_sees_a_file_with_carriage_returns_as_one_without() -> None:
    prompts = []
    for newline in ("\n", "\r\n"):
        desk = Desk(BODY.replace("\n", newline), "return 1")
        desk.type("r")
        await desk.ask()
        prompts.append(desk.prompts[0])
    assert prompts[0] == prompts[1]
    assert "\r" not in prompts[1].render()


async def test_the_first_of_two_asks_of_a_session_ends_as_superseded() -> None:
    gate = Gate()
    desk = Desk(BODY, ScriptedEngine("return 1", gate=gate))
    older = asyncio.create_task(desk.ask())
    await desk.scripted.until(lambda e: e.in_flight == 1)
    desk.type("r")
    newer = asyncio.create_task(desk.ask())
    assert (await older).reason == "superseded"
    await gate.open()
    await newer
    assert len(desk.scripted.aborted) == 1
    assert [t.reason for t in desk.traces.last()][:1] == ["superseded"]


async def test_two_sessions_do_not_disturb_each_other() -> None:
    gate = Gate()
    desk = Desk(BODY, ScriptedEngine("return 1", gate=gate))
    one = asyncio.create_task(desk.ask(session="one"))
    two = asyncio.create_task(desk.ask(session="two"))
    await desk.scripted.until(lambda e: e.in_flight == 2)
    await gate.open()
    assert (await one).suggestions
    assert (await two).suggestions


async def test_a_cancelled_ask_aborts_the_engine_and_leaves_its_trace() -> None:
    desk = Desk(BODY, ScriptedEngine("return 1", gate=Gate()))
    asked = asyncio.create_task(desk.ask())
    await desk.scripted.until(lambda e: e.in_flight == 1)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await desk.scripted.until(lambda e: e.in_flight == 0)
    assert len(desk.scripted.aborted) == 1
    assert [t.reason for t in desk.traces.last()] == ["cancelled"]


async def test_the_engine_is_stopped_as_soon_as_there_is_enough() -> None:
    desk = Desk("x = ¦\n", "compute(1)\n" + "more = 1\n" * 50)
    assert await desk.text_of() == "compute(1)"
    assert len(desk.scripted.aborted) == 1
    assert desk.traces.last(1)[0].generated_tokens < 12


async def test_every_ask_leaves_exactly_one_trace() -> None:
    desk = Desk(BODY, "return 1")
    for _ in range(3):
        await desk.ask()
    desk.cursor = 2
    await desk.ask()
    assert [t.source for t in desk.traces.last()] == ["engine", "typed-through", "typed-through", "none"]
    assert desk.traces.last(1)[0].reason.startswith("inside a word")


async def test_asked_by_key_several_different_ones_are_offered_the_greedy_one_first() -> None:
    def script(request: Request) -> str:
        return "return 1" if request.sampling.temperature == 0 else "yield 2"

    desk = Desk(BODY, ScriptedEngine(script))
    answer = await desk.ask(manual=True)
    assert [s.text for s in answer.suggestions] == ["return 1", "yield 2"]
    first, second = desk.scripted.requests
    assert first.prompt == second.prompt
    assert (first.n, second.n) == (1, 2)


async def test_asking_by_key_again_offers_the_same_choice_without_the_engine() -> None:
    desk = Desk(BODY, ScriptedEngine(lambda r: "return 1" if r.sampling.temperature == 0 else "yield 2"))
    first = await desk.ask(manual=True)
    asked = len(desk.scripted.requests)
    again = await desk.ask(manual=True)
    assert [s.text for s in again.suggestions] == [s.text for s in first.suggestions]
    assert len(desk.scripted.requests) == asked


async def test_asking_by_key_where_something_is_shown_asks_for_more() -> None:
    desk = Desk(BODY, "return 1")
    await desk.ask()
    await desk.ask(manual=True)
    assert len(desk.scripted.requests) == 3


async def test_a_highlighted_item_begins_every_suggestion() -> None:
    desk = Desk("import os\nos.pa¦\n", ".join(a, b)")
    answer = await desk.ask(selected="path", selected_start=desk.cursor - 2)
    (made,) = answer.suggestions
    assert made.text == "path.join(a, b)"
    assert (made.start, made.end) == (desk.cursor - 2, desk.cursor)
    assert desk.prompts[0].parts[-1] == Text("os.path")


async def test_an_accepted_item_is_typed_through() -> None:
    desk = Desk("import os\nos.pa¦\n", ".join(a, b)")
    await desk.ask(selected="path", selected_start=desk.cursor - 2)
    desk.edit(desk.cursor - 2, desk.cursor, "path")
    assert await desk.text_of() == ".join(a, b)"
    assert len(desk.scripted.requests) == 1


async def test_a_closer_already_there_is_swallowed() -> None:
    desk = Desk("print(¦)\n", "a, b)")
    (made,) = (await desk.ask()).suggestions
    assert desk.text[: made.start] + made.text + desk.text[made.end :] == "print(a, b)\n"


async def test_a_broken_engine_gives_an_empty_answer_that_says_why() -> None:
    desk = Desk(BODY, ScriptedEngine([EngineUnavailable("The model has gone. Start it again.")]))
    answer = await desk.ask()
    assert not answer.suggestions
    assert answer.reason == answer.failure == "The model has gone. Start it again."
    assert desk.traces.last(1)[0].reason == answer.reason


async def test_a_loading_model_keeps_silent_and_says_how_far_it_is() -> None:
    info = EngineInfo("mlx", "m", "loading", "Reading the weights", progress=0.4)
    desk = Desk(BODY, ScriptedEngine("return 1", info=info))
    assert (await desk.ask()).reason == "model loading 40%: Reading the weights"
    desk.scripted.set_info(state="ready", fim="qwen")
    assert await desk.text_of() == "return 1"


async def test_who_asks_by_key_while_the_model_loads_is_answered_when_it_has_loaded() -> None:
    info = EngineInfo("mlx", "m", "loading", "Reading the weights")
    desk = Desk(BODY, ScriptedEngine("return 1", info=info))
    asked = asyncio.create_task(desk.text_of(manual=True))
    done, _ = await asyncio.wait({asked}, timeout=0.3)
    assert not done
    desk.scripted.set_info(state="ready", fim="qwen")
    assert await asked == "return 1"


async def test_no_model_keeps_silent_and_says_so() -> None:
    answer = await Desk(BODY, NoEngine()).ask()
    assert answer.reason.startswith("no model: ")


async def test_a_prompt_too_long_is_asked_again_with_a_smaller_window() -> None:
    def script(request: Request) -> list[str | Exception]:
        long = len(request.prompt.render()) > 1_000 if not isinstance(request.prompt, ChatPrompt) else False
        return [PromptTooLong("too long")] if long else ["return", " 1"]

    text = "".join(f"value_{n} = {n}\n" for n in range(400))
    desk = Desk(text + "¦\n", ScriptedEngine(script))
    assert await desk.text_of() == "return 1"
    asked = len(desk.scripted.requests)
    desk.type("x")
    await desk.ask(manual=True)
    assert len(desk.scripted.requests) <= asked + 2


async def test_a_model_without_fill_in_the_middle_is_asked_as_a_chat() -> None:
    info = EngineInfo("remote", "chatty", "ready", fim=None, context_tokens=8192)
    desk = Desk(BODY, ScriptedEngine("return 1", info=info))
    assert await desk.text_of() == "return 1"
    prompt = desk.scripted.requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    assert HOLE in prompt.messages[-1].content
    assert prompt.prefill == "```python\n    "
    assert desk.scripted.requests[0].stop == ("\n```",)


async def test_a_remote_engine_gets_the_spelled_stops_and_ours_does_not() -> None:
    remote = Desk(BODY, ScriptedEngine("return 1", info=EngineInfo("remote", "q", "ready", fim="qwen")))
    await remote.ask()
    assert "<|file_sep|>" in remote.scripted.requests[0].stop
    ours = Desk(BODY, ScriptedEngine("return 1"))
    await ours.ask()
    assert ours.scripted.requests[0].stop == ()


class Shelf:
    """A context that always shows the same snippet, and counts how often it is asked."""

    def __init__(self, text: str = "def helper(): ...") -> None:
        self.asked = 0
        self.text = text

    async def snippets(self, snapshot: Snapshot, cursor: int) -> tuple[Snippet, ...]:
        self.asked += 1
        return (Snippet("lib.py", self.text, "imported"),)

    def __getattr__(self, name: str) -> object:
        return (lambda *a: False) if name == "is_private" else (lambda *a: None)


async def test_other_files_are_looked_at_once_per_anchor_not_per_key() -> None:
    shelf = Shelf()
    desk = Desk(BODY, "???", context=shelf)
    for char in "value":
        desk.type(char)
        await desk.ask(manual=True)
    assert shelf.asked == 1
    markers = [p.token for p in desk.prompts[-1].parts if isinstance(p, Marker)]
    assert markers[:3] == ["<|repo_name|>", "<|file_sep|>", "<|file_sep|>"]
    assert Text("lib.py\ndef helper(): ...\n") in desk.prompts[-1].parts
    await desk.assistant.close()


async def test_a_new_anchor_in_the_same_window_shows_the_same_files() -> None:
    shelf = Shelf()
    desk = Desk(BODY, "???", context=shelf)
    await desk.ask(manual=True)
    shelf.text = "def changed(): ..."
    desk.cursor = len(desk.text)
    await desk.ask(manual=True)
    assert Text("lib.py\ndef helper(): ...\n") in desk.prompts[-1].parts
    await desk.assistant.close()


async def test_the_wait_after_a_key_is_bounded_and_written_down() -> None:
    desk = Desk(BODY, "return 1", quick(debounce_ms=15))
    desk.type("x")
    await desk.ask()
    assert 0 < desk.traces.last(1)[0].debounce_ms <= 15
    desk.type("y")
    await desk.ask(manual=True)
    assert desk.traces.last(1)[0].debounce_ms == 0


async def test_the_status_says_what_there_is_to_say() -> None:
    desk = Desk(BODY, "return 1")
    await desk.ask()
    status = desk.assistant.status()
    assert status.engine is not None
    assert status.engine.state == "ready"
    assert status.last is not None
    assert status.last.source == "engine"
    assert status.counts["engine"] == 1
    desk.cursor = 1
    await desk.ask()
    assert desk.assistant.status().silence == "inside a word"


async def test_closing_ends_what_is_under_way() -> None:
    desk = Desk(BODY, ScriptedEngine("return 1", gate=Gate()))
    asked = asyncio.create_task(desk.ask())
    await desk.scripted.until(lambda e: e.in_flight == 1)
    await desk.assistant.close()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert desk.scripted.in_flight == 0


async def test_a_closed_document_leaves_nothing_behind() -> None:
    desk = Desk(BODY, "return 1")
    await desk.ask()
    desk.assistant.closed(desk.snapshot.uri)
    status = desk.assistant.status()
    assert (status.anchors, status.known_suggestions) == (0, 0)


async def test_switched_off_means_nothing_is_sent() -> None:
    desk = Desk(
        BODY,
        "return 1",
        dataclasses.replace(quick(), suggest=dataclasses.replace(Settings().suggest, enabled=False)),
    )
    assert (await desk.ask(manual=True)).reason.startswith("switched off")
    assert desk.scripted.requests == []


@pytest.mark.parametrize("kilobytes", [9, 45])
async def test_a_long_line_costs_no_more_than_the_window(kilobytes: int) -> None:
    dense = "[0.125,17,-3,2048,{'a':x},"
    line = dense * (kilobytes * 1000 // len(dense))
    half = len(line) // 2
    desk = Desk(f"data = {line[:half]}¦{line[half:]}\n", "1", quick(window_tokens=2048))
    await desk.ask(manual=True)
    prompt = desk.prompts[0].render()
    assert 1000 < estimated_tokens(prompt) <= 2048


async def test_the_window_of_ordinary_code_is_counted_in_tokens_too() -> None:
    code = "".join(f"    total_{n} = compute_total(first[{n}], second)\n" for n in range(2000))
    half = code.index("    total_1000 ")
    desk = Desk(
        f"def f():\n{code[:half]}    ¦\n{code[half:]}", "pass", quick(window_tokens=1000, prefix_lines=2000)
    )
    await desk.ask()
    assert 450 < estimated_tokens(desk.prompts[0].render()) <= 1000
