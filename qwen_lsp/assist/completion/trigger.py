"""Should we ask here and now? Says why not, and whether one line or several are wanted."""

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
    ask: CompletionRequest,
    settings: SuggestSettings,
    *,
    known: bool = False,
    is_private: Callable[[Path], bool] = is_secret,
) -> Triggered | Rejection:
    """Ask, or the first rule that says no.

    A manual request passes the rules that only guard against bother; what is `known` already, and is being
    typed through, passes those that look at the text around the cursor.
    """
    refusal = _forbidden(ask, settings, is_private)
    if refusal is None and not ask.manual:
        refusal = _unwanted(ask, settings) or (None if known else _bother(ask))
    return refusal or Triggered(_wants_lines(ask, settings))


def _forbidden(
    ask: CompletionRequest, settings: SuggestSettings, is_private: Callable[[Path], bool]
) -> Rejection | None:
    """Rules that hold for every ask."""
    snapshot = ask.snapshot
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
    if ask.selected and ("\n" in ask.selected or "\r" in ask.selected):
        return Rejection("popup item has lines", "the highlighted completion is more than one line")
    if ask.selected is not None and not _fits_selected(ask):
        return Rejection("popup item differs", "the highlighted completion does not begin with what is typed")
    return None


def _unwanted(ask: CompletionRequest, settings: SuggestSettings) -> Rejection | None:
    """Rules for requests that nobody made by hand, whatever stands around the cursor."""
    if not settings.automatic:
        return Rejection("manual only", "suggest.automatic is false")
    if ask.selection:
        return Rejection("selection", "something is selected")
    return None


def _bother(ask: CompletionRequest) -> Rejection | None:
    """Places where a new suggestion is seldom of use."""
    text, cursor = ask.snapshot.text, ask.cursor
    if ask.snapshot.path is None and not text.strip():
        return Rejection("empty document", "nothing to go by")
    if len(text) > _LONG_LINE_CHARS * len(ask.snapshot.line_starts):
        return Rejection("long lines", f"over {_LONG_LINE_CHARS} characters a line: hardly written by hand")
    if _is_word(text[cursor : cursor + 1]) and (ask.selected is None or _is_word(text[cursor - 1 : cursor])):
        return Rejection("inside a word")
    rest = _rest_of_line(ask)
    if len(_CLOSING.sub("", rest)) > _MUCH:
        return Rejection("text to the right", f"{len(rest.strip())} characters")
    return None


def _wants_lines(ask: CompletionRequest, settings: SuggestSettings) -> bool:
    """Several lines where a block or a new line begins; one in the middle of a line, a comment or a string."""
    if settings.multiline != "auto":
        return settings.multiline == "always"
    place = CursorContext.at(ask.snapshot, ask.cursor)
    if not place.tail_is_closers or ask.selected is not None:
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


def _fits_selected(ask: CompletionRequest) -> bool:
    """Whether the highlighted item goes on from what is typed: the suggestion must begin with it."""
    start = ask.selected_start if ask.selected_start is not None else ask.cursor
    typed = ask.snapshot.text[start : ask.cursor]
    return ask.selected is not None and ask.selected.casefold().startswith(typed.casefold())


def _is_off(path: PurePath, settings: SuggestSettings) -> bool:
    if not settings.off_paths:
        return False
    return GitIgnoreSpec.from_lines(settings.off_paths).match_file(str(path).lstrip("/"))


def _rest_of_line(ask: CompletionRequest) -> str:
    snapshot = ask.snapshot
    line = snapshot.line_of(ask.cursor)
    return snapshot.line_text(line)[ask.cursor - snapshot.line_start(line) :]


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
