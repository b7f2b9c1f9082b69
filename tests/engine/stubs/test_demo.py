"""The demo labels what it shows, and the scripted engine does what a test tells it."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from qwen_lsp.engine.base import Engine, collect
from qwen_lsp.engine.request import ChatPrompt, Chunk, Marker, Message, Request, Sampling, Text, TextPrompt
from qwen_lsp.engine.stubs.demo import LABEL, DemoEngine, Gate, ScriptedEngine
from qwen_lsp.errors import GenerationFailed


def chat(words: str, **options: object) -> Request:
    return Request(ChatPrompt((Message("user", words),)), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "fence", "holds"),
    [
        ("Write a Fibonacci function in Python.", "```python", "def "),
        ("用 C++ 写一个斐波那契函数", "```cpp", "#include"),
        ("Write it in Java, please", "```java", "class "),
        ("Write a Fibonacci function in Go.", "```go", "package "),
        ("Port this Python to Go", "```go", "package "),
    ],
)
async def test_the_demo_shows_a_labelled_sample_in_the_language_asked_for(
    words: str, fence: str, holds: str
) -> None:
    text, usage = await collect(DemoEngine(), chat(words, max_tokens=4096))
    assert text.startswith(fence)
    assert LABEL in text
    assert holds in text
    assert "ibonacci" in text
    assert usage.generated_tokens > 0


async def test_the_demo_writes_the_sampling_settings_into_the_sample() -> None:
    request = chat(
        "python",
        max_tokens=999,
        sampling=Sampling(temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.05),
    )
    text, _ = await collect(DemoEngine(), request)
    assert "# temperature=0.7 max_tokens=999 top_p=0.8 top_k=20 repetition_penalty=1.05" in text


async def test_the_demo_says_so_when_no_language_is_named() -> None:
    text, _ = await collect(DemoEngine(), chat("JavaScript"))
    assert LABEL in text
    assert "```" not in text


async def test_the_demo_puts_nothing_into_a_hole_of_a_file() -> None:
    prompt = TextPrompt((Marker("<|fim_prefix|>"), Text("# python"), Marker("<|fim_middle|>")))
    text, _ = await collect(DemoEngine(), Request(prompt))
    assert text == ""


async def test_limit_and_stop_text_hold_in_the_demo() -> None:
    chunks = [c async for c in DemoEngine().generate(chat("python", max_tokens=3))]
    assert chunks[-1].finish is not None
    assert chunks[-1].finish.reason == "length"
    text, _ = await collect(DemoEngine(), chat("python", max_tokens=4096, stop=("def ",)))
    assert "def" not in text
    assert LABEL in text


def test_the_demo_works_where_mlx_is_not_installed() -> None:
    code = (
        "import sys; sys.modules['mlx'] = sys.modules['mlx_lm'] = sys.modules['transformers'] = None\n"
        "import asyncio; from qwen_lsp.engine.stubs.demo import DemoEngine; from qwen_lsp.engine.base import collect\n"
        "from qwen_lsp.engine.request import *\n"
        "print(asyncio.run(collect(DemoEngine(), Request(ChatPrompt((Message('user','python'),)))))[0][:9])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "```python"


async def test_a_scripted_token_comes_only_when_the_gate_lets_it() -> None:
    gate = Gate()
    engine = ScriptedEngine(["a", "b"], gate=gate)
    stream = engine.generate(chat("x"))
    first = asyncio.ensure_future(anext(stream))
    await engine.until(lambda e: e.in_flight == 1)
    assert not first.done()
    await gate.step()
    assert (await first).text == "a"
    await stream.aclose()
    assert engine.aborted == engine.requests
    assert engine.in_flight == 0


async def test_a_newer_scripted_request_with_the_same_key_ends_the_older() -> None:
    gate = Gate()
    engine = ScriptedEngine("one two three", gate=gate)

    async def last(request: Request) -> Chunk:
        return [c async for c in engine.generate(request)][-1]

    older = asyncio.ensure_future(last(chat("x", supersedes="k")))
    await engine.until(lambda e: e.in_flight == 1)
    newer = asyncio.ensure_future(last(chat("y", supersedes="k")))
    ended = (await older).finish
    assert ended is not None
    assert ended.reason == "abort"
    await gate.open()
    done = (await newer).finish
    assert done is not None
    assert done.reason == "stop"


async def test_a_scripted_failure_is_raised_in_its_place() -> None:
    engine = ScriptedEngine(["a", GenerationFailed("broke")])
    stream = engine.generate(chat("x"))
    assert (await anext(stream)).text == "a"
    with pytest.raises(GenerationFailed):
        await anext(stream)
    assert engine.in_flight == 0


def test_both_wear_the_engine_seam() -> None:
    assert isinstance(DemoEngine(), Engine)
