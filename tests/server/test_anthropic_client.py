"""The `anthropic` package, unchanged, against a real host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import anthropic
import pytest

from qwen_lsp.engine.request import ChatPrompt, Lane, Message
from qwen_lsp.engine.stubs.demo import DemoEngine, Gate, ScriptedEngine
from qwen_lsp.errors import EngineBusy, EngineUnavailable, GenerationFailed, PromptTooLong
from tests.support.http.hosts import TOKEN, serving

WEATHER: dict[str, Any] = {
    "name": "weather",
    "description": "Tells the weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    },
}
CALL = (
    "Let me look.\n<tool_call>\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"
)
MESSAGES = [{"role": "user", "content": "hi"}]
ASKED = {"model": "claude-any", "max_tokens": 99, "messages": MESSAGES}

Client = Callable[..., anthropic.AsyncAnthropic]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Opens Anthropic's client at an address, and closes it here."""
    async with AsyncExitStack() as opened:

        def open_it(url: str, key: str = "none") -> anthropic.AsyncAnthropic:
            new = anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0)
            opened.push_async_callback(new.close)
            return new

        yield open_it


def prompt_of(engine: ScriptedEngine) -> ChatPrompt:
    prompt = engine.requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt


async def test_a_message_is_answered_by_the_loaded_model_which_says_its_own_name(client: Client) -> None:
    engine = ScriptedEngine("def f():\n    return 1\n")
    async with serving(engine) as host:
        answer = await client(host.url).messages.create(
            **ASKED,
            stop_sequences=["zzz"],
            metadata={"user_id": "u"},
            extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 5},  # what its older releases send
        )
    assert [(block.type, block.text) for block in answer.content] == [("text", "def f():\n    return 1\n")]
    assert (answer.model, answer.role, answer.stop_reason) == ("scripted", "assistant", "end_turn")
    assert answer.usage.output_tokens > 5
    assert answer.usage.input_tokens == 1
    asked = engine.requests[0]
    assert (asked.max_tokens, asked.stop, asked.lane) == (99, ("zzz",), Lane.CHAT)
    assert (asked.sampling.temperature, asked.sampling.top_p, asked.sampling.top_k) == (0.5, 0.9, 5)


async def test_the_streaming_helper_gathers_the_same_message(client: Client) -> None:
    async with serving(ScriptedEngine("Grüße, 世界!\n")) as host:
        async with client(host.url).messages.stream(**ASKED) as stream:
            texts = [text async for text in stream.text_stream]
            message = await stream.get_final_message()
        whole = await client(host.url).messages.create(**ASKED)
    assert len(texts) > 3
    assert "".join(texts) == message.content[0].text == whole.content[0].text == "Grüße, 世界!\n"
    assert message.usage.output_tokens == whole.usage.output_tokens
    assert message.usage.input_tokens == whole.usage.input_tokens
    assert message.stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [True, False])
async def test_tools_are_called_and_their_results_read(client: Client, stream: bool) -> None:
    engine = ScriptedEngine(CALL)
    async with serving(engine) as host:
        if stream:
            async with client(host.url).messages.stream(**ASKED, tools=[WEATHER]) as events:
                answer = await events.get_final_message()
        else:
            answer = await client(host.url).messages.create(**ASKED, tools=[WEATHER])
        words, call = answer.content
        assert (words.type, words.text) == ("text", "Let me look.")
        assert (call.type, call.name, call.input) == ("tool_use", "weather", {"city": "Oslo", "days": 3})
        assert answer.stop_reason == "tool_use"
        result = {
            "type": "tool_result",
            "tool_use_id": call.id,
            "content": [{"type": "text", "text": "rain"}],
        }
        turns = [
            *MESSAGES,
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": [result, {"type": "text", "text": "and?"}]},
        ]
        await client(host.url).messages.create(**{**ASKED, "messages": turns}, tools=[WEATHER])
    first, second = (request.prompt for request in engine.requests)
    assert isinstance(first, ChatPrompt)
    assert isinstance(second, ChatPrompt)
    assert json.loads(first.tools[0])["function"]["parameters"] == WEATHER["input_schema"]
    assert [(m.role, m.content) for m in second.messages] == [
        ("user", "hi"),
        ("assistant", "Let me look."),
        ("tool", "rain"),
        ("user", "and?"),
    ]
    assert json.loads(second.messages[1].tool_calls[0].arguments) == {"city": "Oslo", "days": 3}
    assert second.messages[2].name == call.id == second.messages[1].tool_calls[0].id


async def test_system_blocks_are_one_turn_and_a_clients_billing_line_is_not_among_them(
    client: Client,
) -> None:
    engine = ScriptedEngine("x")
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=12345"},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be kind."},
    ]
    async with serving(engine) as host:
        await client(host.url).messages.create(**ASKED, system=system)
    assert prompt_of(engine).messages == (Message("system", "Be brief.\nBe kind."), Message("user", "hi"))


async def test_an_answer_begun_by_the_client_is_gone_on_with(client: Client) -> None:
    engine = ScriptedEngine("B)")
    begun = [*MESSAGES, {"role": "assistant", "content": "The best answer is ("}]
    async with serving(engine) as host:
        answer = await client(host.url).messages.create(**{**ASKED, "messages": begun})
    assert answer.content[0].text == "B)"
    assert (prompt_of(engine).prefill, len(prompt_of(engine).messages)) == ("The best answer is (", 1)


async def test_thinking_is_not_asked_for_and_old_thoughts_are_left_out(client: Client) -> None:
    engine = ScriptedEngine("x")
    thought = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "yes"}]
    turns = [*MESSAGES, {"role": "assistant", "content": thought}, {"role": "user", "content": "why?"}]
    async with serving(engine) as host:
        await client(host.url).messages.create(
            **{**ASKED, "messages": turns, "max_tokens": 2048},
            thinking={"type": "enabled", "budget_tokens": 1024},
        )
    assert [m.content for m in prompt_of(engine).messages] == ["hi", "yes", "why?"]


@pytest.mark.parametrize(
    ("choice", "must_call"),
    [
        ({"type": "auto"}, None),
        ({"type": "any"}, ""),
        ({"type": "tool", "name": "weather"}, "weather"),
        ({"type": "none"}, None),
    ],
)
async def test_the_choice_of_tools_reaches_the_engine(
    client: Client, choice: dict[str, str], must_call: str | None
) -> None:
    engine = ScriptedEngine(CALL)
    async with serving(engine) as host:
        answer = await client(host.url).messages.create(**ASKED, tools=[WEATHER], tool_choice=choice)
    assert prompt_of(engine).must_call == must_call
    assert bool(prompt_of(engine).tools) == (choice["type"] != "none")
    assert answer.stop_reason == ("end_turn" if choice["type"] == "none" else "tool_use")


async def test_one_call_at_a_time_ends_with_the_first(client: Client) -> None:
    call = CALL.partition("\n")[2]
    async with serving(ScriptedEngine(f"{call}\n{call}")) as host:
        answer = await client(host.url).messages.create(
            **ASKED, tools=[WEATHER], tool_choice={"type": "auto", "disable_parallel_tool_use": True}
        )
    assert [block.input for block in answer.content] == [{"city": "Oslo", "days": 3}]
    assert answer.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("options", "reason", "text"),
    [({"stop_sequences": ["two"]}, "stop_sequence", "one "), ({"max_tokens": 2}, "max_tokens", "one two")],
)
async def test_why_an_answer_ended_is_said(
    client: Client, options: dict[str, Any], reason: str, text: str
) -> None:
    async with serving(ScriptedEngine(["one ", "two", " three"])) as host:
        answer = await client(host.url).messages.create(**{**ASKED, **options})
    assert (answer.stop_reason, answer.content[0].text) == (reason, text)
    assert answer.stop_sequence == ("two" if reason == "stop_sequence" else None)


async def test_tokens_are_counted_as_the_model_would_read_them(client: Client) -> None:
    engine = ScriptedEngine()
    async with serving(engine) as host:
        count = client(host.url).messages.count_tokens
        short = await count(model="claude-haiku", messages=MESSAGES)
        longer = await count(model="claude-haiku", messages=MESSAGES, system="Be brief.", tools=[WEATHER])
    assert longer.input_tokens > short.input_tokens + 10 > 10
    assert engine.requests == []


async def test_an_engine_that_shows_no_tokens_counts_none(client: Client) -> None:
    async with serving(DemoEngine(pause_s=0)) as host:
        with pytest.raises(anthropic.InternalServerError, match="does not show its tokens") as caught:
            await client(host.url).messages.count_tokens(model="claude-haiku", messages=MESSAGES)
    assert caught.value.status_code == 501


async def test_models_are_listed_to_this_client_too(client: Client) -> None:
    async with serving(ScriptedEngine()) as host:
        models = [model async for model in client(host.url).models.list()]
        assert (await client(host.url).models.retrieve("scripted")).display_name == "scripted"
    assert [model.id for model in models] == ["scripted"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"messages": []}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"extra_body": {"temperature": 3}}, "temperature"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            r"messages.0.content.0.*text",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.*web_search"),
        ({"tools": [{"name": "x"}]}, "tools.0 needs"),
        ({"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "other"}}, "tool_choice"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"extra_body": {"mcp_servers": [{"url": "x"}]}}, "mcp_servers"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    client: Client, options: dict[str, Any], says: str
) -> None:
    engine = ScriptedEngine("x")
    async with serving(engine) as host:
        with pytest.raises(anthropic.BadRequestError, match=says) as caught:
            await client(host.url).messages.create(**{**ASKED, **options})
    assert caught.value.body["error"]["type"] == "invalid_request_error"
    assert engine.requests == []


@pytest.mark.parametrize(
    ("error", "expected", "kind"),
    [
        (PromptTooLong("too many tokens"), anthropic.BadRequestError, "invalid_request_error"),
        (EngineBusy("the line is full"), anthropic.RateLimitError, "rate_limit_error"),
        (EngineUnavailable("still loading"), anthropic.InternalServerError, "overloaded_error"),
        (GenerationFailed("broke"), anthropic.InternalServerError, "api_error"),
    ],
)
async def test_engine_errors_reach_the_client_in_its_own_form(
    client: Client, error: Exception, expected: type[anthropic.APIStatusError], kind: str
) -> None:
    async with serving(ScriptedEngine([error])) as host:
        for stream in (False, True):
            with pytest.raises(expected, match=str(error)) as caught:
                await client(host.url).messages.create(**ASKED, stream=stream)
            assert caught.value.body["error"]["type"] == kind


async def test_a_failure_in_the_middle_of_a_stream_is_an_error_not_an_end(client: Client) -> None:
    async with serving(ScriptedEngine(["a", GenerationFailed("the engine broke")])) as host:
        stream = await client(host.url).messages.create(**ASKED, stream=True)
        with pytest.raises(anthropic.APIStatusError, match="the engine broke"):
            [event async for event in stream]


async def test_the_hosts_token_is_taken_as_an_api_key(client: Client) -> None:
    from qwen_lsp.server.app import build_app
    from qwen_lsp.server.guard import Guard
    from qwen_lsp.settings import Settings
    from tests.support.http.hosts import serving_app

    open_app = build_app(ScriptedEngine("hello"), Settings())
    async with serving_app(Guard(open_app, token=TOKEN, public=True)) as host:
        answer = await client(host.url, TOKEN).messages.create(**ASKED)
        assert answer.content[0].text == "hello"
        with pytest.raises(anthropic.AuthenticationError, match="token"):
            await client(host.url, "wrong").messages.create(**ASKED)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_aborts_the_engine(client: Client, stream: bool) -> None:
    gate = Gate()
    engine = ScriptedEngine("one two three four", gate=gate)

    async def ask(url: str) -> None:
        answer = await client(url).messages.create(**ASKED, stream=stream)
        if stream:
            async for _ in answer:
                pass

    async with serving(engine) as host:
        asking = asyncio.create_task(ask(host.url))
        await engine.until(lambda e: e.in_flight == 1)
        await gate.step(2)
        asking.cancel()
        await engine.until(lambda e: e.in_flight == 0 and len(e.aborted) == 1)
    assert engine.finished == []
