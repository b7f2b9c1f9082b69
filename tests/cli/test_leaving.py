"""A process that had a model in it ends as it was asked to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.engines.random_model import random_model

pytestmark = pytest.mark.process

LEAVES_SLOWLY = """
import gc, sys
from pathlib import Path
from qwen_lsp.engine.mlx import worker
from qwen_lsp.settings import EngineSettings

worker._SWITCH_S = 0.1          # what the thread still wants of Python it gets only ...
gc.disable()
much = [[n] for n in range(6_000_000)]  # ... while Python is busy leaving
model = worker.Worker(Path(sys.argv[1]), EngineSettings(), lambda share, what: None)
print(model.ready.result().name)
model.close()
"""


def test_a_process_ends_well_though_its_model_was_let_go_a_moment_before() -> None:
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", LEAVES_SLOWLY, str(random_model())],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert ended.stdout.strip() == random_model().name
        assert ended.returncode == 0, ended.stderr
