"""llama.cpp's own server (Debian's package), for real, on the starter's weights as a GGUF file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_lsp.assist.prompts.fim import TEMPLATES, Hole
from qwen_lsp.engine import request as ours
from qwen_lsp.engine.base import collect
from qwen_lsp.engine.remote.engine import RemoteEngine
from qwen_lsp.engine.request import ChatPrompt, Message
from qwen_lsp.samples import PROGRAMS
from tests.support.engines.gguf_model import write_gguf
from tests.support.engines.other_servers import llama_server
from tests.support.lsp.remote_window import recite

pytestmark = [pytest.mark.process, pytest.mark.heavy]

GCD = next(program for program in PROGRAMS if program.file_name == "gcd.py")


@pytest.fixture(scope="module")
def server(starter_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    gguf = write_gguf(starter_folder, tmp_path_factory.mktemp("gguf") / "starter.gguf")
    with llama_server(gguf, "--alias", "starter-qwen") as url:
        yield url


async def test_the_probe_says_what_it_is(server: str) -> None:
    engine = RemoteEngine(server)
    info = await engine.info()
    await engine.close()
    assert info.state == "ready"
    assert (info.model, info.fim, info.context_tokens, info.local) == ("starter-qwen", "qwen", 4096, True)
    for said in ("llama.cpp's server", "fill-in-the-middle as qwen", "token by token"):
        assert said in info.detail


async def test_a_model_without_a_telling_name_is_known_by_its_tokens(
    starter_folder: Path, tmp_path: Path
) -> None:
    with llama_server(write_gguf(starter_folder, tmp_path / "model.gguf"), "--alias", "nameless") as url:
        engine = RemoteEngine(url)
        info = await engine.info()
        await engine.close()
    assert (info.model, info.fim) == ("nameless", "qwen")


async def test_a_key_costs_a_token_or_two_in_the_anchored_layout(server: str) -> None:
    engine = RemoteEngine(server)
    above, below = GCD.code.split("    return abs(a)\n")
    usages = []
    for typed in ("    r", "    re", "    ret", "    retu"):
        prompt = TEMPLATES["qwen"].render(Hole(above, below, typed))
        text, usage = await collect(engine, ours.Request(prompt, max_tokens=4))
        assert text
        usages.append(usage)
    await engine.close()
    assert usages[0].prompt_tokens > 60
    for usage in usages[1:]:
        assert usage.prompt_tokens - usage.cached_tokens <= 3, usages


async def test_a_chat_is_answered_in_the_models_own_words(server: str) -> None:
    engine = RemoteEngine(server)
    request = ours.Request(ChatPrompt((Message("user", GCD.request),)), max_tokens=200)
    text, usage = await collect(engine, request)
    await engine.close()
    assert text.strip() == GCD.answer.strip()
    assert usage.generated_tokens > 10


async def test_log_probabilities_come_with_the_tokens(server: str) -> None:
    engine = RemoteEngine(server)
    prompt = TEMPLATES["qwen"].render(Hole("def gcd(a: int, b: int) -> int:\n", "", ""))
    chunks = [c async for c in engine.generate(ours.Request(prompt, max_tokens=3, logprobs=2))]
    await engine.close()
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert len(tokens) == 3
    assert all(token.logprob <= 0 for token in tokens)


def test_the_language_server_recites_through_it(server: str, tmp_path: Path) -> None:
    counts, status = recite(server, str(tmp_path / "home"))
    assert counts["texts"] >= len(PROGRAMS) - 2, counts
    assert counts["errors"] == 0
    assert "llama.cpp's server" in status["engine"]["detail"]
    assert status["engine"]["local"] is True
