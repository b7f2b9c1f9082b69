"""The `openai` package, unchanged, against a real host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from qwen_lsp.engine.request import ChatPrompt, Lane, Marker, Text, TextPrompt
from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.engine.stubs.playback import pieces
from qwen_lsp.errors import EngineBusy, EngineUnavailable, GenerationFailed, PromptTooLong
from tests.support.http.hosts import serving
from tests.support.repository import REPOSITORY

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "metric": {"type": "boolean"},
            },
        },
    },
}
CALL = (
    "Let me look.\n<tool_call>\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n<parameter=metric>\ntrue\n</parameter>\n</function>\n</tool_call>"
)
MESSAGES = [{"role": "user", "content": "hi"}]

Client = Callable[[str], openai.AsyncOpenAI]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Opens OpenAI's client at an address. Each is closed here: one left open closes itself in another test's loop."""
    async with AsyncExitStack() as opened:

        def open_it(url: str) -> openai.AsyncOpenAI:
            new = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
            opened.push_async_callback(new.close)
            return new

        yield open_it


@pytest.fixture
async def engine() -> ScriptedEngine:
    return ScriptedEngine("def f():\n    return 1\n")


async def test_a_chat_in_one_piece(engine: ScriptedEngine, client: Client) -> None:
    async with serving(engine) as host:
        answer = await client(host.url).chat.completions.create(
            model="any", messages=MESSAGES, max_tokens=99, temperature=0.5, top_p=0.9, seed=7, stop=["zzz"]
        )
    assert answer.choices[0].message.content == "def f():\n    return 1\n"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == engine_tokens(engine)
    asked = engine.requests[0]
    assert asked.sampling.temperature == 0.5
    assert asked.sampling.seed == 7
    assert (asked.max_tokens, asked.stop, asked.lane) == (99, ("zzz",), Lane.CHAT)


def engine_tokens(engine: ScriptedEngine) -> int:
    return len(pieces("def f():\n    return 1\n"))


async def test_a_streamed_chat_with_usage_at_the_end(engine: ScriptedEngine, client: Client) -> None:
    async with serving(engine) as host:
        stream = await client(host.url).chat.completions.create(
            model="any", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "def f():\n    return 1\n"
    assert chunks[-1].usage.completion_tokens == engine_tokens(engine)
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens == 0
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


async def test_several_answers_with_log_probabilities(engine: ScriptedEngine, client: Client) -> None:
    async with serving(engine) as host:
        answer = await client(host.url).chat.completions.create(
            model="any", messages=MESSAGES, n=3, logprobs=True, top_logprobs=1
        )
    assert [c.index for c in answer.choices] == [0, 1, 2]
    content = answer.choices[2].logprobs.content
    assert "".join(t.token for t in content) == "def f():\n    return 1\n"
    assert content[0].top_logprobs[0].logprob == pytest.approx(-0.1)


async def test_a_completion_streams_and_comes_whole(engine: ScriptedEngine, client: Client) -> None:
    async with serving(engine) as host:
        whole = await client(host.url).completions.create(model="any", prompt="x", logprobs=1)
        stream = await client(host.url).completions.create(model="any", prompt="x", stream=True)
        streamed = "".join([c.choices[0].text async for c in stream])
    assert whole.choices[0].text == streamed == "def f():\n    return 1\n"
    assert len(whole.choices[0].logprobs.tokens) == len(whole.choices[0].logprobs.token_logprobs)
    assert engine.requests[0].prompt == TextPrompt((Text("x"),))


async def test_prompt_and_suffix_become_a_hole_in_the_anchored_layout(
    engine: ScriptedEngine, client: Client
) -> None:
    async with serving(engine) as host:
        await client(host.url).completions.create(model="any", prompt="a = 1\nb = a", suffix="\nc = 2\n")
    assert engine.requests[0].prompt == TextPrompt(
        (
            Marker("<|fim_prefix|>"),
            Text("a = 1\n"),
            Marker("<|fim_suffix|>"),
            Text("\nc = 2\n"),
            Marker("<|fim_middle|>"),
            Text("b = a"),
        )
    )
    assert engine.requests[0].heal
    assert engine.requests[0].lane is Lane.INLINE


async def test_what_zed_sends_for_ghost_text_is_answered(engine: ScriptedEngine) -> None:
    readme = (REPOSITORY / "editors" / "zed" / "README.md").read_text("utf-8")
    settings = json.loads(readme.split("```json")[1].split("```")[0])["edit_predictions"]
    ours = settings[settings["provider"]]
    assert ours["prompt_format"] == "qwen"
    body = {  # as in crates/edit_prediction of Zed: fim.rs and open_ai_compatible.rs
        "model": ours["model"],
        "prompt": "<|fim_prefix|>a = 1\nb = a<|fim_suffix|>\nc = 2\n<|fim_middle|>",
        "max_tokens": ours["max_output_tokens"],
        "stop": ["<|endoftext|>", "<|file_separator|>", "<|fim_pad|>", "<|fim_prefix|>", "<|fim_middle|>",
                 "<|fim_suffix|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<PRE>", "<SUF>", "<MID>",
                 "[PREFIX]", "[SUFFIX]"],
    }  # fmt: skip
    async with serving(engine) as host, httpx.AsyncClient() as zed:
        answer = await zed.post(host.url + urlsplit(ours["api_url"]).path, json=body)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["text"] == "def f():\n    return 1\n"
    assert isinstance(answer.json()["id"], str)
    assert engine.requests[0].lane is Lane.INLINE


async def test_tool_calls_in_xml_come_out_as_tool_calls(client: Client) -> None:
    engine = ScriptedEngine(CALL)
    async with serving(engine) as host:
        answer = await client(host.url).chat.completions.create(
            model="any", messages=MESSAGES, tools=[WEATHER]
        )
        stream = await client(host.url).chat.completions.create(
            model="any", messages=MESSAGES, tools=[WEATHER], stream=True
        )
        chunks = [c async for c in stream]
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "Oslo", "days": 3, "metric": True}
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content == "Let me look."
    deltas = [c.choices[0].delta for c in chunks]
    assert "".join(d.content or "" for d in deltas) == "Let me look.\n"
    streamed = [t for d in deltas for t in d.tool_calls or ()]
    assert json.loads(streamed[0].function.arguments) == {"city": "Oslo", "days": 3, "metric": True}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    prompt = engine.requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    assert json.loads(prompt.tools[0]) == WEATHER


@pytest.mark.parametrize(
    ("choice", "must_call"),
    [("required", ""), ({"type": "function", "function": {"name": "weather"}}, "weather"), ("auto", None)],
)
async def test_a_tool_that_must_be_called_reaches_the_engine(
    client: Client, choice: object, must_call: str | None
) -> None:
    engine = ScriptedEngine(CALL)
    async with serving(engine) as host:
        answer = await client(host.url).chat.completions.create(
            model="any", messages=MESSAGES, tools=[WEATHER], tool_choice=choice
        )
    assert answer.choices[0].finish_reason == "tool_calls"
    prompt = engine.requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    assert prompt.must_call == must_call


async def test_a_conversation_with_tool_results_reaches_the_engine(
    engine: ScriptedEngine, client: Client
) -> None:
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]
    async with serving(engine) as host:
        await client(host.url).chat.completions.create(model="any", messages=messages, tools=[WEATHER])
    prompt = engine.requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    assert [m.role for m in prompt.messages] == ["system", "user", "assistant", "tool"]
    assert prompt.messages[2].tool_calls[0].name == "weather"
    assert prompt.messages[1].content == "weather?"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"tools": [WEATHER], "tool_choice": "some"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"n": 99}, "n:"),
        ({"temperature": -1}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "only text"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    engine: ScriptedEngine, options: dict[str, object], says: str, client: Client
) -> None:
    async with serving(engine) as host:
        with pytest.raises(openai.BadRequestError, match=says):
            await client(host.url).chat.completions.create(
                **{"model": "any", "messages": MESSAGES, **options}
            )
    assert engine.requests == []


async def test_embeddings_are_refused_and_the_model_is_listed(engine: ScriptedEngine, client: Client) -> None:
    async with serving(engine) as host:
        with pytest.raises(openai.APIStatusError, match="no embeddings"):
            await client(host.url).embeddings.create(model="any", input="x")
        models = await client(host.url).models.list()
        assert [m.id for m in models.data] == ["scripted"]
        assert (await client(host.url).models.retrieve("scripted")).id == "scripted"
        with pytest.raises(openai.NotFoundError):
            await client(host.url).models.retrieve("other")


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (PromptTooLong("too many tokens"), openai.BadRequestError, "context_length_exceeded"),
        (EngineBusy("the line is full"), openai.RateLimitError, "engine_busy"),
        (EngineUnavailable("still loading"), openai.InternalServerError, "engine_unavailable"),
        (GenerationFailed("broke"), openai.InternalServerError, "generation_failed"),
    ],
)
async def test_engine_errors_reach_the_client_as_openai_errors(
    error: Exception, expected: type[openai.APIStatusError], code: str, client: Client
) -> None:
    async with serving(ScriptedEngine([error])) as host:
        for stream in (False, True):
            with pytest.raises(expected) as caught:
                await client(host.url).completions.create(model="any", prompt="x", stream=stream)
            assert caught.value.code == code
            assert str(error) in caught.value.message


async def test_a_failure_in_the_middle_of_a_stream_is_an_error_not_an_end(client: Client) -> None:
    async with serving(ScriptedEngine(["a", GenerationFailed("the engine broke")])) as host:
        stream = await client(host.url).completions.create(model="any", prompt="x", stream=True)
        with pytest.raises(openai.APIError, match="the engine broke"):
            [c async for c in stream]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_aborts_the_engine(stream: bool, client: Client) -> None:
    gate = Gate()
    engine = ScriptedEngine("one two three four", gate=gate)

    async def ask(url: str) -> None:
        answer = await client(url).completions.create(model="any", prompt="x", stream=stream)
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
