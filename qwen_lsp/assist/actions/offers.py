"""Which actions are offered at a place, from cheap facts only: selection, problems, language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qwen_lsp.assist.actions.custom_actions import CustomAction
from qwen_lsp.assist.actions.types import ActionRequest, Offer
from qwen_lsp.code.languages import LANGUAGES, is_prose, language
from qwen_lsp.code.snapshot import Snapshot

EXPLAIN_KIND = "qwen_lsp.explain"
REVIEW_KIND = "qwen_lsp.review"
TESTS_KIND = "qwen_lsp.tests"
TRANSLATE_KIND = "qwen_lsp.translate"
_REWRITE = "refactor.rewrite"
_TITLE_CHARS = 80
_MOST_FIXES = 8
"""More problems than this at one place are offered as one "fix all"."""
_ASKED = re.compile(r"^\s*(?:#|//|--|/\*|\*|<!--|;|%)+\s*qwen\s*:\s*(.+?)\s*(?:\*/|-->)?\s*$", re.IGNORECASE)
_HOW_TO_ASK = "Say what to do in a comment that begins with 'qwen:' inside the selection, or run qwen_lsp.instruct with words."


_TRANSLATION_TARGETS = ("python", "cpp", "java", "go", "rust", "typescript")


@dataclass(frozen=True, slots=True)
class _Plain:
    """A rewrite of the selection or of the definition around the cursor."""

    id: str
    title: str
    kind: str


_PLAIN = (
    _Plain("document", "Document", f"{_REWRITE}.document"),
    _Plain("types", "Add types", f"{_REWRITE}.types"),
    _Plain("simplify", "Simplify", f"{_REWRITE}.simplify"),
    _Plain("rename", "Rename for clarity", f"{_REWRITE}.rename"),
    _Plain("errors", "Handle errors", f"{_REWRITE}.errors"),
    _Plain("optimise", "Optimise", f"{_REWRITE}.optimise"),
)


def offers(ask: ActionRequest, custom: Sequence[CustomAction] = ()) -> list[Offer]:
    """What can be done here, the likeliest first. Reads only the selection and the lines at its ends."""
    if not ask.snapshot.text.strip():
        return []
    found = list(_fixes(ask))
    is_code = bool(ask.snapshot.language) and not is_prose(ask.snapshot.language)
    found.append(Offer("explain", f"Explain {_what(ask)}", EXPLAIN_KIND, edits=False))
    if is_code:
        found += _code_offers(ask)
    found += _with_words(ask, is_code)
    for number, action in enumerate(custom):
        if action.fits(ask.snapshot.language):
            found.append(
                Offer(
                    "custom",
                    action.title,
                    f"{_REWRITE}.custom",
                    detail=str(number),
                    edits=action.answer == "edit",
                )
            )
    return found


def wanted_words(snapshot: Snapshot, start: int, end: int) -> str:
    """What a `qwen:` comment in the selection's lines (or in the cursor's line and the one above) asks for."""
    last = snapshot.line_of(end)
    first = max(0, snapshot.line_of(start) - 1) if start == end else snapshot.line_of(start)
    for line in range(first, min(last, first + 400) + 1):
        found = _ASKED.match(snapshot.line_text(line))
        if found:
            return found.group(1)
    return ""


def without_wanted_words(code: str) -> str:
    """The code without its `qwen:` comments."""
    return "\n".join(row for row in code.split("\n") if not _ASKED.match(row))


def comment_here(snapshot: Snapshot, cursor: int) -> tuple[int, int] | None:
    """First and last line of the line comments at the cursor, or right above its blank line."""
    spoken = language(snapshot.language)
    line = snapshot.line_of(cursor)
    if not snapshot.line_text(line).strip():
        line -= 1

    def is_comment(number: int) -> bool:
        text = snapshot.line_text(number).strip()
        return text.startswith(spoken.line_comment) and not text.startswith(("#!", "#include", "#define"))

    if line < 0 or not is_comment(line):
        return None
    first = last = line
    while first > 0 and is_comment(first - 1):
        first -= 1
    while last + 1 < len(snapshot.line_starts) and is_comment(last + 1):
        last += 1
    return first, last


def _fixes(ask: ActionRequest) -> Iterator[Offer]:
    count = len(ask.problems)
    for number, problem in enumerate(ask.problems[:_MOST_FIXES]):
        title = f"Fix: {_short(problem.message)}"
        yield Offer("fix", title, "quickfix", problem=number, preferred=count == 1)
    if count > 1:
        yield Offer("fix-all", f"Fix all {count} problems here", "quickfix")


def _code_offers(ask: ActionRequest) -> Iterator[Offer]:
    spoken = language(ask.snapshot.language)
    selected = _is_selected(ask)
    for plain in _PLAIN:
        if plain.id != "types" or spoken.optional_types:
            yield Offer(plain.id, plain.title, plain.kind)
    why = "" if selected else "Select the lines that should become a function."
    yield Offer("extract", "Extract function", "refactor.extract.function", disabled=why)
    yield Offer("tests", "Generate tests", TESTS_KIND)
    yield Offer("repair", "Make the tests pass", f"{TESTS_KIND}.pass", edits=False)
    if not selected and comment_here(ask.snapshot, ask.start) is not None:
        yield Offer("complete", "Complete from comment", f"{_REWRITE}.complete")
    for target in _TRANSLATION_TARGETS:
        if target != spoken.id:
            yield Offer(
                "translate",
                f"Translate to {LANGUAGES[target].name}",
                f"{TRANSLATE_KIND}.{target}",
                detail=target,
                edits=ask.snapshot.path is not None,
            )
    yield Offer("review", f"Review {_what(ask)}", REVIEW_KIND, edits=False)


def _with_words(ask: ActionRequest, is_code: bool) -> Iterator[Offer]:
    words = ask.words or wanted_words(ask.snapshot, ask.start, ask.end)
    why = "" if words else _HOW_TO_ASK
    title = f"Do: {_short(words)}" if words else "Custom instruction …"
    yield Offer("instruct", title, f"{_REWRITE}.instruct", disabled=why, needs_words=True)
    if is_code:
        title = f"Migrate: {_short(words)}" if words else "Migrate …"
        yield Offer("migrate", title, f"{_REWRITE}.migrate", disabled=why, needs_words=True)


def _is_selected(ask: ActionRequest) -> bool:
    return ask.end > ask.start and bool(ask.snapshot.text[ask.start : ask.start + 10_000].strip())


def _what(ask: ActionRequest) -> str:
    return "the selection" if ask.end > ask.start else "this code"


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1] + "…"
