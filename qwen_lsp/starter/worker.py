"""The process that builds a starter: `python -m qwen_lsp.starter.worker FOLDER`.

A process of its own, so that a build can be ended at any moment, leaves no memory behind and does not slow the one
that waits. Says progress as JSON lines on stdout; ends when its stdin closes, so that it never outlives its parent.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen_lsp.starter.train import MemorisationScore, TrainingPlan

_HEARD_HOLE_STEP = 16
_CHECK_SHARE = 0.04
"""Of the whole build, for saving, loading and hearing it recite."""


def main(folder: Path, options: dict[str, Any]) -> int:
    """Train, save, load what was saved, and judge it."""
    # One thread is as fast: the products are small. Must be set before NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    from qwen_lsp.starter.train import TrainingPlan

    recital = build(folder, TrainingPlan(**options))
    _say(done=True, conversations=recital.conversations, holes=recital.holes)
    return 0


def build(folder: Path, plan: TrainingPlan) -> MemorisationScore:
    """The whole build, in this process. Returns what the saved model recites."""
    from qwen_lsp.starter.lessons import all_texts
    from qwen_lsp.starter.model_files import model_config, new_model, starter_tokenizer, write_model
    from qwen_lsp.starter.network import for_mlx_lm
    from qwen_lsp.starter.train import SHAPE, MemorisationScore, Trainer
    from qwen_lsp.starter.verify import recite

    _say(step="preparing", share=0.0, seconds_left=None)
    tokenizer = starter_tokenizer(all_texts())
    trainer = Trainer(tokenizer, plan)
    rehearsed = trainer.run(_Teller())
    _say(step="saving", share=1 - _CHECK_SHARE, seconds_left=5.0)
    config = model_config(SHAPE, tokenizer, starter=True)
    model = new_model(config)
    model.load_weights(for_mlx_lm(trainer.weights, trainer.network))
    write_model(folder, model, tokenizer, config)
    _say(step="hearing it recite", share=1 - _CHECK_SHARE / 2, seconds_left=3.0)
    heard = recite(folder, hole_step=_HEARD_HOLE_STEP)
    # The sample proves that what lies on disk is what was trained; the rehearsal, in the same rounding, knew all holes.
    return MemorisationScore(heard.conversations, min(heard.holes, rehearsed.holes))


class _Teller:
    """Says how training goes, about twice a second."""

    def __init__(self) -> None:
        self._said_at = 0.0
        self._share = 0.0

    def __call__(self, share: float, seconds_left: float) -> None:
        self._share = max(self._share, share)  # going on for longer than planned is not going back
        now = time.monotonic()
        if now - self._said_at >= 0.5:
            self._said_at = now
            _say(
                step="training",
                share=self._share * (1 - _CHECK_SHARE),
                seconds_left=round(seconds_left + 5.0, 1),
            )


def _say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def _leave_with_parent() -> None:
    sys.stdin.read()
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))
