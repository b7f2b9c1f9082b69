"""Gradio's queue, at rest while nobody uses the page: its own loops look for work a thousand times a second."""

from __future__ import annotations

import gradio as gr
from gradio.queueing import Queue

_WAITING_S, _RUNNING_S, _IDLE_S = 0.001, 0.01, 0.05
"""How long the loop sleeps with events waiting, with events running, and with neither: what a press waits at most."""
_PROGRESS_IDLE_S = 0.5


class QuietQueue(Queue):  # type: ignore[misc]
    """Sleeps longer while it is empty."""

    @property
    def sleep_when_free(self) -> float:
        """Seconds until the next look for events."""
        if len(self) > 0:
            return _WAITING_S
        return _RUNNING_S if self._runs() else _IDLE_S

    @property
    def progress_update_sleep_when_free(self) -> float:
        """Seconds until the next look for progress to send."""
        return _RUNNING_S if self._runs() else _PROGRESS_IDLE_S

    def _runs(self) -> bool:
        return any(job is not None for job in self.active_jobs)


def quiet(page: gr.Blocks) -> None:
    """Let this page's queue rest. Reads two attributes that Gradio sets and never changes."""
    page._queue.__class__ = QuietQueue
