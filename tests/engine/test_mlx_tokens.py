"""The tokens of a model on this machine: shown as the model reads them, and a call that has to come is begun for it."""

from __future__ import annotations

import json

import pytest

from qwen_lsp.engine.base import tokenizer_of
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Request, Text, TextPrompt
from qwen_lsp.settings import EngineSettings
from tests.support.engines.random_model import ask, random_model, reference

pytestmark = pytest.mark.model
TOOL = json.dumps(
    {"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {}}}}
)


async def test_text_and_markers_become_tokens_and_come_back() -> None:
    engine = MlxEngine(random_model(), EngineSettings())
    try:
        tokenizer = await tokenizer_of(engine)
        assert tokenizer is not None
        words = "größer 世界 <|im_end|>"
        tokens = await tokenizer.encode(TextPrompt((Text(words), Marker("<|im_end|>"))))
        assert await tokenizer.decode(tokens) == words + "<|im_end|>"
        marker = reference()[1].convert_tokens_to_ids("<|im_end|>")
        assert tokens.count(marker) == 1
        assert await tokenizer.decode([10**9, -5]) == ""
    finally:
        await engine.close()


async def test_a_conversation_is_shown_as_the_template_writes_it_and_counted_as_it_is_read() -> None:
    engine = MlxEngine(random_model(), EngineSettings())
    prompt = ChatPrompt((Message("system", "Be brief."), Message("user", "say <|im_end|>")), prefill="Sure")
    try:
        tokenizer = await tokenizer_of(engine)
        assert tokenizer is not None
        text = await tokenizer.template(prompt)
        assert text.endswith("<|im_start|>assistant\nSure")
        assert "say <|im_end|><|im_end|>" in text
        reply = await ask(engine, Request(prompt, max_tokens=1))
        assert reply.usage.prompt_tokens == len(await tokenizer.encode(prompt))
    finally:
        await engine.close()


@pytest.mark.parametrize(
    ("must_call", "opening"), [("", "<tool_call>\n<function="), ("run", "<tool_call>\n<function=run>\n")]
)
async def test_a_call_that_has_to_come_is_begun_with_the_models_own_tokens(
    must_call: str, opening: str
) -> None:
    engine = MlxEngine(random_model(), EngineSettings())
    free = ChatPrompt((Message("user", "go"),), tools=(TOOL,))
    bound = ChatPrompt((Message("user", "go"),), tools=(TOOL,), must_call=must_call)
    try:
        tokenizer = await tokenizer_of(engine)
        assert tokenizer is not None
        begun = (await tokenizer.encode(bound))[len(await tokenizer.encode(free)) :]
        assert begun[0] == reference()[1].convert_tokens_to_ids("<tool_call>")
        assert await tokenizer.decode(begun) == opening
        reply = await ask(engine, Request(bound, max_tokens=4, n=2))
        assert all(reply.text_of(i).startswith(opening) for i in (0, 1))
    finally:
        await engine.close()
