"""What every tab is given: the services of this process and the answers running on open pages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import gradio as gr

from qwen_lsp.engine.recording import recorded, requests_of
from qwen_lsp.metrics import RequestTrace, Ring
from qwen_lsp.runtime import Services
from webui.gradio_types import Json, Updates
from webui.live_updates import LiveUpdates
from webui.running.jobs import Running
from webui.running.model_switch import ModelSwitch

QUIET: Json = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""How short events are wired: answered at once, nothing blinking, no public name."""


@dataclass(frozen=True, slots=True)
class PageContext:
    """Shared by the tabs of one page app."""

    services: Services
    running: Running = field(default_factory=Running)
    live: LiveUpdates = field(default_factory=LiveUpdates)
    borrowing: ModelSwitch = field(default_factory=ModelSwitch)

    @property
    def requests(self) -> Ring[RequestTrace]:
        """What the engine has answered, for the page and for everyone else."""
        return requests_of(self.services.engine)


def page_context_for(services: Services) -> PageContext:
    """The room, with an engine that keeps records; one that does already is taken as it is."""
    return PageContext(replace(services, engine=recorded(services.engine)))


def key_of(request: gr.Request, tab: str) -> str:
    """The name of this browser tab's running answer on one of our tabs."""
    return f"{request.session_hash}/{tab}"


class StartStop:
    """The two buttons of a tab while something runs; told only when that changes, for each update is drawn."""

    def __init__(self) -> None:
        self._told: bool | None = None

    def now(self, ended: bool) -> Updates:
        """Updates for the starting and the stopping button."""
        if ended == self._told:
            return gr.skip(), gr.skip()
        self._told = ended
        return gr.update(interactive=ended), gr.update(interactive=not ended)
