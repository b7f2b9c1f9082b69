"""What the status says of the engine, in a sentence."""

from __future__ import annotations

import pytest

from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.lsp.status import describe

LEFT = "The host has left because nobody used it; it comes back when it is asked."


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (None, "Starting."),
        (EngineInfo("mlx", "Qwen3-Coder", "ready"), "Ready: Qwen3-Coder."),
        (EngineInfo("host", "", "ready", LEFT), LEFT),
        (EngineInfo("mlx", "m", "loading", "Loading m", progress=0.3, seconds_left=67.2), "Loading m 30 %, about 67 s left."),
        (EngineInfo("mlx", "m", "failed", "It broke. Run qwen-lsp doctor."), "It broke. Run qwen-lsp doctor."),
    ],
)  # fmt: skip
def test_each_state_is_one_plain_sentence(info: EngineInfo | None, said: str) -> None:
    assert describe(info, last=None, paused=False)["message"] == said
