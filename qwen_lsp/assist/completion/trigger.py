"""Whether to suggest here and now. Says why not, and whether one line or several are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import urlsplit

from pathspec import GitIgnoreSpec

from qwen_lsp.assist.suggestion import CompletionRequest, Rejection
from qwen_lsp.code.cursor_context import CursorContext, opens_block
from qwen_lsp.code.syntax import LANGUAGES, Inside, parse
from qwen_lsp.code.workspace.secrets import is_secret
from qwen_lsp.settings import SuggestSettings

_MUCH = 8
"""Characters right of the cursor, closers apart, that make a suggestion unlikely to fit."""
_LONG_LINE_CHARS = 240
"""Files whose lines are longer on average are made by programs; there one asks by key."""
_WRITABLE_SCHEMES = frozenset(
    [
        "file",
        "untitled",
        "inmemory",
        "buffer",
        "vscode-notebook-cell",
        "vscode-vfs",
        "vscode-remote",
        "vscode-userdata",
    ]
)
_CLOSING = re.compile(r"[\s)\]}\"'`>;,:{]+")
_LINE_COMMENT = re.compile(r"\s*(#|//|--|;;|%)")


@dataclass(frozen=True, slots=True)
class Triggered:
    """Ask, for one line or for several."""

    multiline: bool


def should_ask(
    request: CompletionRequest,
    settings: SuggestSettings,
    *,
    known: bool = False,
    is_private: Callable[[Path], bool] = is_secret,
) -> Triggered | Rejection:
    """Ask, or the first rule that says no.

    A manual request passes the rules that only guard against bother; what is `known` already, and is being
    typed through, passes those that look at the text around the cursor.
    """
    refusal = _forbidden(request, settings, is_private)
    if refusal is None and not request.manual:
        refusal = _unwanted(request, settings) or (None if known else _bother(request))
    return refusal or Triggered(_wants_lines(request, settings))


def _forbidden(
    request: CompletionRequest, settings: SuggestSettings, is_private: Callable[[Path], bool]
) -> Rejection | None:
    """Rules that hold for every request."""
    snapshot = request.snapshot
    path = snapshot.path
    if not settings.enabled:
        return Rejection("switched off", "suggest.enabled is false")
    if (scheme := urlsplit(snapshot.uri).scheme) not in _WRITABLE_SCHEMES:
        return Rejection("read-only view", f"{scheme}: documents are not edited by hand")
    if path is not None and (is_secret(path) or is_private(path)):
        return Rejection("private file", "it holds secrets, or an ignore file excludes it")
    if snapshot.language in settings.off_languages:
        return Rejection("language switched off", snapshot.language)
    if path is not None and _is_off(path, settings):
        return Rejection("path switched off", path.name)
    if request.selected and ("\n" in request.selected or "\r" in request.selected):
        return Rejection("popup item has lines", "the highlighted completion is more than one line")
    if request.selected is not None and not _fits_selected(request):
        return Rejection("popup item differs", "the highlighted completion does not begin with what is typed")
    return None


def _unwanted(request: CompletionRequest, settings: SuggestSettings) -> Rejection | None:
    """Rules for automatic requests, whatever stands around the cursor."""
    if not settings.automatic:
        return Rejection("manual only", "suggest.automatic is false")
    if request.selection:
        return Rejection("selection", "something is selected")
    return None


def _bother(request: CompletionRequest) -> Rejection | None:
    """Places where a new suggestion is seldom of use."""
    text, cursor = request.snapshot.text, request.cursor
    if request.snapshot.path is None and not text.strip():
        return Rejection("empty document", "nothing to go by")
    if len(text) > _LONG_LINE_CHARS * len(request.snapshot.line_starts):
        return Rejection("long lines", f"over {_LONG_LINE_CHARS} characters a line: hardly written by hand")
    if _is_word(text[cursor : cursor + 1]) and (
        request.selected is None or _is_word(text[cursor - 1 : cursor])
    ):
        return Rejection("inside a word")
    rest = _rest_of_line(request)
    if len(_CLOSING.sub("", rest)) > _MUCH:
        return Rejection("text to the right", f"{len(rest.strip())} characters")
    return None


def _wants_lines(request: CompletionRequest, settings: SuggestSettings) -> bool:
    """Several lines where a block or a new line begins; one in the middle of a line, a comment or a string."""
    if settings.multiline != "auto":
        return settings.multiline == "always"
    place = CursorContext.at(request.snapshot, request.cursor)
    if not place.tail_is_closers or request.selected is not None:
        return False
    if _inside(place) is not None:
        return False
    if place.head_is_blank:
        return True
    if not opens_block(place.head, place.language):
        return False
    return not place.tail.strip() or place.head.rstrip()[-1:] == _brace_around(place)


def _brace_around(place: CursorContext) -> str:
    """The bracket left of the cursor when its closer stands right of it, as an editor inserts it: `{¦}`."""
    return "{" if place.tail.lstrip()[:1] == "}" else ""


def _inside(place: CursorContext) -> Inside | None:
    if place.in_block_comment:
        return "comment"
    if place.language in LANGUAGES:
        parsed = parse(place.window, place.language)
        return None if parsed is None else parsed.inside(len(place.window))
    return "comment" if _LINE_COMMENT.match(place.head) else None


def _fits_selected(request: CompletionRequest) -> bool:
    """Whether the highlighted item goes on from what is typed: the suggestion must begin with it."""
    start = request.selected_start if request.selected_start is not None else request.cursor
    typed = request.snapshot.text[start : request.cursor]
    return request.selected is not None and request.selected.casefold().startswith(typed.casefold())


def _is_off(path: PurePath, settings: SuggestSettings) -> bool:
    if not settings.off_paths:
        return False
    return GitIgnoreSpec.from_lines(settings.off_paths).match_file(str(path).lstrip("/"))


def _rest_of_line(request: CompletionRequest) -> str:
    snapshot = request.snapshot
    line = snapshot.line_of(request.cursor)
    return snapshot.line_text(line)[request.cursor - snapshot.line_start(line) :]


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
