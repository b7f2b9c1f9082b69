"""How the target language is said to a model: always to a real one, to the starter in the one form it learnt."""

from __future__ import annotations

import pytest

from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Request
from webui.request.build import plan
from webui.request.form import Form
from webui.request.target_languages import AS_IS

STARTER = EngineInfo("mlx", "starter", "ready", is_starter=True)
REAL = EngineInfo("mlx", "Qwen3-Coder", "ready")


def asked(text: str, language: str, info: EngineInfo) -> str:
    request = plan(text, Form(language=language), info)
    assert isinstance(request, Request)
    assert isinstance(request.prompt, ChatPrompt)
    return request.prompt.messages[-1].content


def test_a_real_model_is_told_the_language() -> None:
    assert asked("sort a list", "Rust", REAL).startswith("sort a list\n\nAnswer in Rust")
    assert asked("sort a list", AS_IS, REAL) == "sort a list"


@pytest.mark.parametrize(
    ("text", "language", "is_said"),
    [
        ("fibonacci", "Go", True),
        ("a Python program for Fibonacci", "Python", True),
        ("Write a Fibonacci function in Go.", "Python", False),
        ("用C++写一个二分查找函数。", "Python", False),
        ("fibonacci", "Rust", False),
        ("fibonacci", AS_IS, False),
    ],
)
def test_the_starter_is_told_a_language_it_knows_unless_the_request_names_another(
    text: str, language: str, is_said: bool
) -> None:
    assert asked(text, language, STARTER) == (f"{text}\n\nTarget language: {language}" if is_said else text)
