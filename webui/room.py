"""What every tab is given: the services of this process and the answers running on open pages."""

from __future__ import annotations

from dataclasses import dataclass, field

import gradio as gr

from qwen_lsp.runtime import Services
from webui.stream import Running


@dataclass(frozen=True, slots=True)
class Room:
    """Shared by the tabs of one page app."""

    services: Services
    running: Running = field(default_factory=Running)


def key_of(request: gr.Request, tab: str) -> str:
    """The name of this browser tab's running answer on one of our tabs."""
    return f"{request.session_hash}/{tab}"
