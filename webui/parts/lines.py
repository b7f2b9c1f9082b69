"""Lines of HTML that say how something goes, and the script by which the browser saves a text as a file."""

from __future__ import annotations

from qwen_lsp.engine.request import EngineInfo
from webui.parts.progress import phase_html, stats_html
from webui.running.generation import Generation


def line_html(html: str) -> str:
    """The line beside the buttons."""
    return f'<div class="q-line" role="status">{html}</div>'


def say_html(html: str, *, bad: bool = False) -> str:
    """A sentence to the reader; `bad` when something was refused."""
    return f'<p class="q-say{" bad" if bad else ""}" role="status">{html}</p>'


def progress_html(state: Generation, info: EngineInfo, more: str = "") -> str:
    """How a generation goes, in words and numbers; `more` is HTML."""
    phase = f'<span class="q-phase" data-phase="{state.phase}">{phase_html(state)}</span>'
    return f'{phase}<span class="q-stats">{stats_html(state, info)}</span>{more}'


def saving(file: str, kind: str = "text/plain") -> str:
    """A script for `js=` that saves the text it is given under this name."""
    return (
        f"(text) => {{ const url = URL.createObjectURL(new Blob([text], {{type: '{kind}'}}));"
        f"Object.assign(document.createElement('a'), {{href: url, download: '{file}'}}).click();"
        "setTimeout(() => URL.revokeObjectURL(url), 1000); }"
    )
