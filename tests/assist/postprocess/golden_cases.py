"""Reads the golden corpus and runs a case in the three ways a model's text may arrive."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_lsp.assist.completion.trigger import Triggered, should_ask
from qwen_lsp.assist.postprocess import Polished, Polisher
from qwen_lsp.assist.suggestion import CompletionRequest, Rejection
from qwen_lsp.code.snapshot import snapshot_at_mark
from qwen_lsp.settings import SuggestSettings

GOLDEN = Path(__file__).parent / "golden"
_SUFFIX = {"python": "py", "javascript": "js", "typescript": "ts", "rust": "rs", "markdown": "md"}


@dataclass(frozen=True)
class Case:
    """One line of the corpus: a place, what the model wrote, and what the user should see."""

    name: str
    group: str
    language: str
    source: str
    raw: str
    expect: str = ""
    swallows: str = ""
    reject: str = ""
    """The rule that rejects it; "*": any."""
    also: tuple[str, ...] = ()
    """Other texts that are as good."""
    lines: bool | None = None
    """Several lines wanted; None: as the trigger decides."""
    max_lines: int = 12
    logprob: float | None = None
    stops_within: int | None = None
    """The engine must be stopped at most this many code points after the shown text and what it repeats."""

    def __str__(self) -> str:
        return f"{self.language}: {self.group}: {self.name}"


def read_cases(folder: Path) -> Iterator[Case]:
    """All cases of the files in one folder (not of folders in it)."""
    for file in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(file.read_text("utf-8"))["case"]:
            entry["group"] = entry.pop("class")
            entry["also"] = tuple(entry.get("also", ()))
            yield Case(**entry)


def pieces(raw: str, size: int) -> list[str]:
    """The text cut into pieces of `size` code points; 0: all at once."""
    return [raw[at : at + size] for at in range(0, len(raw), size)] if size else [raw]


def run_case(case: Case, size: int) -> tuple[Polished | Rejection, str]:
    """The outcome with the model's text arriving in pieces, and the text the engine had written by then."""
    uri = f"file:///work/a.{_SUFFIX.get(case.language, case.language)}"
    snapshot, cursor = snapshot_at_mark(case.source, uri=uri, language=case.language)
    settings = replace(SuggestSettings(), max_lines=case.max_lines)
    lines = case.lines
    if lines is None:
        go = should_ask(CompletionRequest(snapshot, cursor, manual=True), settings)
        assert isinstance(go, Triggered), go
        lines = go.multiline
    polisher = Polisher(snapshot, cursor, settings, multiline=lines)
    written = ""
    for piece in pieces(case.raw, size):
        written += piece
        if polisher.feed(piece, () if case.logprob is None else (case.logprob,)):
            break
    return polisher.result(), written


def verdict(case: Case, outcome: Polished | Rejection) -> str:
    """Nothing when the outcome is the expected one, else what differs."""
    if isinstance(outcome, Rejection):
        return (
            ""
            if case.reject in ("*", outcome.reason)
            else f"rejected: {outcome}; wanted {case.reject or case.expect!r}"
        )
    if case.reject:
        return f"showed {outcome.text!r}; wanted the rejection {case.reject!r}"
    cursor = case.source.index("¦")
    swallowed = case.source[cursor + 1 :][: outcome.end - cursor]
    # What counts is the file afterwards: the tag's own bracket may be replaced or left standing.
    shown = _after(case, outcome.text, swallowed)
    if shown in {_after(case, text, case.swallows) for text in (case.expect, *case.also)}:
        return ""
    return f"showed {outcome.text!r} for {swallowed!r}; wanted {case.expect!r} for {case.swallows!r}"


def _after(case: Case, text: str, swallowed: str) -> str:
    """The file once the text is taken; line ends are the editor's business."""
    before, _, after = case.source.partition("¦")
    return (before + text + after[len(swallowed) :]).replace("\r\n", "\n")
