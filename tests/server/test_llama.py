"""The requests that llama.vim (recorded from the plugin in a real Neovim 0.12) and llama.vscode (recorded from the
plugin in a real VS Code, recorded/llama_vscode.json) send are answered as llama.cpp answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.engine.request import Lane, Marker, Text, TextPrompt
from qwen_lsp.engine.stubs.demo import ScriptedEngine
from qwen_lsp.engine.stubs.playback import pieces
from qwen_lsp.server.fim_anchors import RequestAnchors
from qwen_lsp.server.llama_limits import LlamaLimits
from tests.support.http.hosts import events, serving

TIMINGS = [
    f"timings/{name}"
    for name in (
        "prompt_n",
        "prompt_ms",
        "prompt_per_token_ms",
        "prompt_per_second",
        "predicted_n",
        "predicted_ms",
        "predicted_per_token_ms",
        "predicted_per_second",
    )
]


def vim(prefix: str, prompt: str, suffix: str, **more: Any) -> dict[str, Any]:
    """A completion request as llama.vim sends it, recorded."""
    return {
        "model": "",
        "id_slot": 0,
        "input_prefix": prefix,
        "input_suffix": suffix,
        "input_extra": [],
        "prompt": prompt,
        "n_predict": 128,
        "stop": [],
        "n_indent": 0,
        "top_k": 40,
        "top_p": 0.90,
        "samplers": ["top_k", "top_p", "infill"],
        "stream": False,
        "cache_prompt": True,
        "t_max_prompt_ms": 500,
        "t_max_predict_ms": 250,
        "response_fields": ["content", *TIMINGS, "truncated", "tokens_cached"],
        **more,
    }


async def test_llama_vims_sequence_warm_up_then_keys_then_the_speculative_request() -> None:
    engine = ScriptedEngine("urn a + b")
    extra = [{"filename": "other.py", "text": "X = 1\n", "time": 1}]
    async with serving(engine) as host:
        warm = await host.post(
            "/infill",
            vim(
                "",
                "",
                "",
                n_predict=0,
                temperature=0.0,
                samplers=[],
                t_max_prompt_ms=1,
                t_max_predict_ms=1,
                response_fields=[""],
                input_extra=extra,
            ),
        )
        assert (warm.status_code, warm.json()) == (200, {})
        for typed in ("    r", "    re", "    ret"):
            told = (
                await host.post("/infill", vim("def add(a, b):\n", typed, "\nadd(1, 2)\n", input_extra=extra))
            ).json()
        await host.post(
            "/infill", vim("def add(a, b):\n", "    return a + b", "\nadd(1, 2)\n", input_extra=extra)
        )
    assert told["content"] == "urn a + b"
    assert set(TIMINGS) <= set(told)
    assert told["tokens_cached"] > 0
    assert len(engine.warmed) == 1
    prompts = [r.prompt for r in engine.requests]
    assert all(isinstance(p, TextPrompt) for p in prompts)
    frozen = {p.parts[:-1] for p in prompts if isinstance(p, TextPrompt)}
    assert len(frozen) == 1, "a key must not change what stands before the typed text"
    assert [p.parts[-1] for p in prompts if isinstance(p, TextPrompt)] == [
        Text("    r"),
        Text("    re"),
        Text("    ret"),
        Text("    return a + b"),
    ]
    parts = frozen.pop()
    assert parts[:4] == (
        Marker("<|repo_name|>"),
        Text("project\n"),
        Marker("<|file_sep|>"),
        Text("other.py\nX = 1\n"),
    )
    assert engine.requests[0].lane is Lane.INLINE
    assert engine.requests[0].sampling.top_k == 40


async def test_llama_vims_curl_is_let_in_and_gets_json_that_its_pattern_knows() -> None:
    engine = ScriptedEngine("    return previous\n")
    async with serving(engine) as host:
        body = vim("def f():\n    previous = 0\n", "", "\n\n", n_indent=0)
        headers = {"user-agent": "curl/7.88.1", "authorization": "Bearer", "accept": "*/*"}
        answer = await host.post("/infill", body, **headers)
    assert answer.status_code == 200
    # It looks for `{` at the start and `"content"\s*:"` before it decodes, and shows nothing otherwise.
    assert re.match(r'\{.*"content"\s*:"    return previous', answer.text)
    assert answer.json()["timings/predicted_n"] == len(engine.finished) * len(pieces("    return previous\n"))


VSCODE = json.loads((Path(__file__).parent / "recorded" / "llama_vscode.json").read_text("utf-8"))


async def test_llama_vscodes_recorded_session_is_answered_as_it_expects() -> None:
    engine = ScriptedEngine("eturn abs(a)")
    warmed: list[Any] = []
    answered: list[Any] = []
    async with serving(engine) as host:
        for recorded in VSCODE["requests"]:
            body = recorded["body"]
            answer = await host.post(recorded["path"], body, **VSCODE["headers"])
            assert answer.status_code == 200, answer.text
            (warmed if body["n_predict"] == 0 else answered).append(answer.json())
    assert (len(warmed), len(answered)) == (3, 14)
    assert all(told["content"] == "" for told in warmed)
    for three in answered:
        assert [one["content"] for one in three] == ["eturn abs(a)"] * 3
        assert [one["index"] for one in three] == [0, 1, 2]
        # its status bar divides by these
        assert all(one["timings"]["predicted_n"] > 0 for one in three)
    assert len(engine.warmed) == 3
    assert [request.n for request in engine.requests] == [1] * 14, "a greedy answer is written once"


async def test_llama_vscodes_keys_leave_what_stands_before_the_typed_text_alone() -> None:
    engine = ScriptedEngine("x")
    bodies = [r["body"] for r in VSCODE["requests"] if r["body"]["n_predict"]]
    place = bodies[0]["input_prefix"], bodies[0]["input_suffix"]
    async with serving(engine) as host:
        for body in bodies:
            await host.post("/infill", body)
    here = [
        (body["prompt"], request.prompt)
        for body, request in zip(bodies, engine.requests, strict=True)
        if (body["input_prefix"], body["input_suffix"]) == place
    ]
    assert len({typed for typed, _ in here}) >= 4
    frozen = set()
    for typed, prompt in here:
        assert isinstance(prompt, TextPrompt)
        assert not typed or prompt.parts[-1] == Text(typed)
        frozen.add(prompt.parts[:-1] if typed else prompt.parts)
    assert len(frozen) == 1
    assert Text("/home/ada/work/log_collector.py\n" + _extra(bodies[0], "log_collector.py")) in frozen.pop()


def _extra(body: dict[str, Any], name: str) -> str:
    text = next(e["text"] for e in body["input_extra"] if e["filename"].endswith(name))
    return str(text).rstrip() + "\n"


async def test_several_drawn_answers_come_as_a_list_of_that_many() -> None:
    engine = ScriptedEngine("x")
    async with serving(engine) as host:
        body = vim("a\n", "b", "\nc\n", n_cmpl=3, temperature=0.8)
        del body["response_fields"]
        told = (await host.post("/infill", body)).json()
    assert [one["content"] for one in told] == ["x", "x", "x"]
    assert engine.requests[0].n == 3


async def test_a_streamed_infill_ends_with_the_summary() -> None:
    async with serving(ScriptedEngine("one two")) as host:
        body = vim("a\n", "b", "\nc\n", stream=True)
        told = events((await host.post("/infill", body)).text)
    assert '"stop": false' in told[0]
    assert '"stop": true' in told[-1]
    assert '"timings"' in told[-1]


async def test_completion_reads_markers_in_a_raw_prompt_and_says_why_it_stopped() -> None:
    engine = ScriptedEngine("one two STOP three")
    async with serving(engine) as host:
        prompt = "<|fim_prefix|>a = 1\nb<|fim_suffix|>\nc<|fim_middle|>"
        told = (await host.post("/completion", {"prompt": prompt, "stop": ["STOP"], "n_predict": -1})).json()
        short = (await host.post("/completion", {"prompt": "x", "n_predict": 2})).json()
    assert (told["content"], told["stop_type"], told["stopping_word"]) == ("one two ", "word", "STOP")
    assert (short["stop_type"], short["tokens_predicted"]) == ("limit", 2)
    assert engine.requests[0].prompt == TextPrompt(
        (
            Marker("<|fim_prefix|>"),
            Text("a = 1\n"),
            Marker("<|fim_suffix|>"),
            Text("\nc"),
            Marker("<|fim_middle|>"),
            Text("b"),
        )
    )


async def test_props_and_health_say_what_the_plugins_look_for() -> None:
    engine = ScriptedEngine("x")
    async with serving(engine) as host:
        props = (await host.client.get("/props")).json()
        assert props["default_generation_settings"]["n_ctx"] == 32768
        assert (await host.client.get("/health")).json() == {"status": "ok"}
        engine.set_info(state="loading", progress=0.5, detail="Loading weights")
        loading = await host.client.get("/health")
    assert loading.status_code == 503
    assert loading.json()["error"]["message"] == "Loading weights"


async def test_a_model_without_holes_refuses_infill() -> None:
    engine = ScriptedEngine("x")
    engine.set_info(fim=None)
    async with serving(engine) as host:
        answer = await host.post("/infill", vim("a", "b", "c"))
    assert answer.status_code == 400
    assert "fill-in-the-middle" in answer.json()["error"]["message"]


def test_an_answer_is_cut_at_the_first_line_with_less_indentation() -> None:
    limits = LlamaLimits(4, 0)
    shown = [limits.passed(piece, 0) for piece in ("a\n", "    ", "b\n\n", "  ", " c", "d")]
    assert "".join(shown) == "a\n    b\n"
    assert limits.over
    deep = LlamaLimits(4, 0)
    assert deep.passed("a\n\n    b", 0) + deep.rest() == "a\n\n    b"


def test_time_runs_from_the_first_token_and_ends_only_whole_lines() -> None:
    limits = LlamaLimits(0, 100)
    assert limits.passed("a", 1000) == "a"
    assert limits.passed("b", 1200) == "b"
    assert not limits.over
    assert limits.passed("\nc", 1201) == "\nc"
    assert limits.over


@pytest.mark.parametrize("slide", [0, 1, 5])
def test_a_window_that_slides_keeps_its_start_and_the_typed_text_stays_behind_the_marker(slide: int) -> None:
    lines = [f"value_{i} = compute_something_long({i})\n" for i in range(40)]
    anchors = RequestAnchors()
    first = anchors.prompt("".join(lines[:30]), "\nend\n")
    second = anchors.prompt("".join(lines[slide:32]) + "x", "\nend\n")
    assert first.parts[1] == second.parts[1]
    assert second.parts[-1] == Text("".join(lines[30:32]) + "x")


def test_a_window_of_another_place_gets_its_own_anchor() -> None:
    anchors = RequestAnchors()
    anchors.prompt("a" * 300 + "\n", "s")
    other = anchors.prompt("b" * 300 + "\nt", "s")
    assert other.parts[1] == Text("b" * 300 + "\n")
    assert other.parts[-1] == Text("t")
