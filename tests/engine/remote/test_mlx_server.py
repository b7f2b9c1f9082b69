"""mlx_lm.server, for real: one process, and two that share the layers by mlx.launch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from qwen_lsp.engine import request as ours
from qwen_lsp.engine.base import collect
from qwen_lsp.engine.remote.engine import RemoteEngine
from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Text, TextPrompt
from qwen_lsp.samples import PROGRAMS
from tests.support.engines.other_servers import TWO, mlx_lm_server
from tests.support.engines.unquantised_model import write_shareable
from tests.support.lsp.remote_window import recite

pytestmark = pytest.mark.process

PROGRAM = PROGRAMS[0].code
TOKENS = 4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model in the real layout, wide enough to be shared by two (quantisation groups of 64 stay whole)."""
    from qwen_lsp.starter.model_files import write_random_model

    return write_random_model(tmp_path_factory.mktemp("model") / "random", hidden=128, expert_width=128)


@pytest.fixture(scope="module")
def mlx_server(model: Path) -> Iterator[str]:
    """The real mlx_lm.server on it."""
    with mlx_lm_server(model) as url:
        yield url


async def test_mlx_lm_server_fills_holes_and_the_anchored_layout_uses_its_prefix_cache(
    mlx_server: str,
) -> None:
    engine = RemoteEngine(mlx_server, fim="qwen")
    lines = "".join(f"value_{i} = {i}\n" for i in range(40))
    frozen = (
        Marker("<|fim_prefix|>"),
        Text(lines),
        Marker("<|fim_suffix|>"),
        Text("\nend\n"),
        Marker("<|fim_middle|>"),
    )
    usages = []
    for typed in ("val", "valu", "value"):
        chunks = [
            c async for c in engine.generate(ours.Request(TextPrompt((*frozen, Text(typed))), max_tokens=3))
        ]
        assert chunks[-1].finish is not None
        assert chunks[-1].usage is not None
        usages.append(chunks[-1].usage)
    info = await engine.info()
    await engine.close()
    assert usages[0].prompt_tokens > 100
    for usage in usages[1:]:
        assert usage.prompt_tokens - usage.cached_tokens <= 8, usages
    assert "mlx_lm.server" in info.detail


async def test_mlx_lm_server_answers_a_chat_the_same_as_by_its_own_route(mlx_server: str) -> None:
    engine = RemoteEngine(mlx_server)
    text, usage = await collect(engine, ours.Request(ChatPrompt((Message("user", "hello"),)), max_tokens=12))
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 12, "temperature": 0.0}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        told = (await client.post(mlx_server + "/v1/chat/completions", json=body)).json()
    await engine.close()
    assert text == (told["choices"][0]["message"].get("content") or "")
    assert usage.generated_tokens == told["usage"]["completion_tokens"]


async def test_the_first_space_that_mlx_lm_server_drops_is_put_back(model: Path, mlx_server: str) -> None:
    said = greedy(model, [PROGRAM[:end] for end in range(20, 300, 7)])
    assert sum(text.startswith(" ") for text in said.values()) >= 3, "some must begin with a space"
    assert sum(not text.startswith(" ") for text in said.values()) >= 3
    engine = RemoteEngine(mlx_server)
    asked = {prompt: ours.Request(TextPrompt((Text(prompt),)), max_tokens=TOKENS) for prompt in said}
    heard = {prompt: (await collect(engine, request))[0] for prompt, request in asked.items()}
    await engine.close()
    assert heard == said


def greedy(model: Path, prompts: Sequence[str]) -> dict[str, str]:
    """What mlx-lm itself makes of each, decoded in one piece, which drops nothing; broken letters left out."""
    from mlx_lm import load, stream_generate

    loaded, tokenizer = load(str(model))[:2]
    said = {}
    for prompt in prompts:
        ids = [r.token for r in stream_generate(loaded, tokenizer, prompt, max_tokens=TOKENS)]
        text = tokenizer.decode([token for token in ids if token not in tokenizer.eos_token_ids])
        if "\ufffd" not in text and max(ids) < len(tokenizer):
            said[prompt] = text
    return said


async def test_log_probabilities_are_not_asked_of_a_server_that_refuses_them(mlx_server: str) -> None:
    engine = RemoteEngine(mlx_server)
    for prompt in (TextPrompt((Text("def f"),)), ChatPrompt((Message("user", "hello"),))):
        _, usage = await collect(engine, ours.Request(prompt, max_tokens=2, logprobs=20))
        assert usage.generated_tokens > 0
    await engine.close()


@pytest.mark.parametrize("how", ["tensor", pytest.param("--pipeline", marks=pytest.mark.heavy)])
async def test_two_processes_of_mlx_launch_serve_the_same_text_as_one(
    how: str, model: Path, mlx_server: str
) -> None:
    request = ours.Request(
        TextPrompt((Marker("<|fim_prefix|>"), Text("def f():\n"), Marker("<|fim_middle|>"))), max_tokens=8
    )
    one = RemoteEngine(mlx_server, fim="qwen")
    alone, _ = await collect(one, request)
    await one.close()
    with mlx_lm_server(model, TWO, *([how] if how.startswith("-") else [])) as url:
        two = RemoteEngine(url, fim="qwen")
        shared, usage = await collect(two, request)
        await two.close()
    assert shared == alone
    assert usage.generated_tokens == 8


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["one process", "two, tensor parallel", "two, as a pipeline"])
def test_the_language_server_shows_the_models_text_whoever_serves_it(
    how: str, starter_folder: Path, tmp_path: Path
) -> None:
    model = write_shareable(starter_folder, tmp_path / "model")
    options = ["--pipeline"] if "pipeline" in how else []
    with mlx_lm_server(model, () if how == "one process" else TWO, *options) as url:
        counts, status = recite(url, str(tmp_path / "home"))
    assert counts["texts"] >= len(PROGRAMS) - 2, counts
    assert counts["errors"] == 0
    assert "mlx_lm.server" in status["engine"]["detail"]
