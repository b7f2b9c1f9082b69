"""Names for what Gradio, which has no types of its own, takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import gradio as gr

Component: TypeAlias = gr.components.Component
"""Anything laid out on a page: a button, a box, a state."""
Handler: TypeAlias = Callable[..., object]
"""What an event calls: a function, a coroutine function or an async generator function."""
Updates: TypeAlias = tuple[object, ...]
"""New values or `gr.update`s for the outputs of an event, in their order."""
Json: TypeAlias = dict[str, object]
