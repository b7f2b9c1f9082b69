"""What every tab is given: the services of this process and the answers running on open pages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qwen_lsp.engine.recording import recorded, requests_of
from qwen_lsp.metrics import RequestTrace, Ring
from qwen_lsp.runtime import Services
from webui.gradio_types import Json
from webui.live_updates import LiveUpdates
from webui.page_opening import PageOpening
from webui.running.jobs import Running
from webui.running.model_switch import ModelSwitch

QUIET: Json = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""How short events are wired: answered at once, nothing blinking, no public name."""

STREAMED: Json = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""How events that run on are wired: as many at a time as there are pages, for the engine keeps the order."""


@dataclass(frozen=True, slots=True)
class PageContext:
    """Shared by the tabs of one page app."""

    services: Services
    running: Running = field(default_factory=Running)
    live: LiveUpdates = field(default_factory=LiveUpdates)
    borrowing: ModelSwitch = field(default_factory=ModelSwitch)
    opening: PageOpening = field(default_factory=PageOpening)

    @property
    def requests(self) -> Ring[RequestTrace]:
        """What the engine has answered, for the page and for everyone else."""
        return requests_of(self.services.engine)


def page_context_for(services: Services) -> PageContext:
    """The room, with an engine that keeps records; one that does already is taken as it is."""
    return PageContext(replace(services, engine=recorded(services.engine)))
