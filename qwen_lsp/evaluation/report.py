"""What an evaluation found: one record a hole, summed by language and kind; JSON, a table, and two runs compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qwen_lsp.errors import QwenLspError
from qwen_lsp.metrics import percentile


@dataclass(frozen=True, slots=True)
class HoleResult:
    """How one hole was filled. `similarity` is 0..1; `parses` and `tests` are None when nobody could say."""

    file: str
    line: int
    language: str
    kind: str
    wanted: str
    got: str = ""
    shown: bool = False
    reason: str = ""
    """Why nothing was shown."""
    source: str = ""
    exact: bool = False
    first_line: bool = False
    similarity: float = 0.0
    parses: bool | None = None
    tests: bool | None = None
    latency_ms: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0

    @property
    def key(self) -> tuple[str, int, str]:
        """Which hole this is, in any run."""
        return self.file, self.line, self.kind


_COLUMNS: tuple[tuple[str, Callable[[Sequence[HoleResult]], str]], ...] = (
    ("holes", lambda rows: str(len(rows))),
    ("exact", lambda rows: _share(row.exact for row in rows)),
    ("first line", lambda rows: _share(row.first_line for row in rows)),
    ("similar", lambda rows: f"{_mean(row.similarity for row in rows):.2f}"),
    ("shown", lambda rows: _share(row.shown for row in rows)),
    ("parses", lambda rows: _share(row.parses for row in rows if row.parses is not None)),
    ("tests", lambda rows: _share(row.tests for row in rows if row.tests is not None)),
    ("p50 ms", lambda rows: f"{percentile([row.latency_ms for row in rows], 0.5) or 0:.0f}"),
    ("p95 ms", lambda rows: f"{percentile([row.latency_ms for row in rows], 0.95) or 0:.0f}"),
    ("tokens", lambda rows: f"{_mean(row.generated_tokens for row in rows):.0f}"),
    ("prompt", lambda rows: f"{_mean(row.prompt_tokens for row in rows):.0f}"),
    ("cached", lambda rows: f"{_mean(row.cached_tokens for row in rows):.0f}"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """All holes of one run and the options it was made with."""

    results: tuple[HoleResult, ...]
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What went otherwise than asked, in sentences."""

    def table(self) -> str:
        """The summary for a terminal: by language and kind, and why nothing was shown."""
        rows = [["", *(name for name, _ in _COLUMNS)], _row("all", self.results)]
        for kind in dict.fromkeys(row.kind for row in self.results):
            rows.append(_row(kind, [r for r in self.results if r.kind == kind]))
        for language in sorted({row.language for row in self.results}):
            rows.append(_row(language, [r for r in self.results if r.language == language]))
        lines = [_aligned(rows)]
        reasons = Counter(row.reason for row in self.results if row.reason)
        if reasons:
            lines += ["", "Nothing shown because:"]
            lines += [f"  {count:5d}  {reason}" for reason, count in reasons.most_common()]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])

    def to_json(self) -> str:
        """Everything, as JSON; `load` reads it again."""
        content = {
            "options": self.options,
            "notes": list(self.notes),
            "results": [asdict(r) for r in self.results],
        }
        return json.dumps(content, ensure_ascii=False, indent=1)

    @property
    def exact_share(self) -> float:
        """Share of holes filled exactly, 0..1."""
        return _mean(row.exact for row in self.results)


def load(file: Path) -> Report:
    """A report written by `to_json`."""
    try:
        content = json.loads(file.read_text("utf-8"))
        results = tuple(HoleResult(**row) for row in content["results"])
        return Report(results, content["options"], tuple(content["notes"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise QwenLspError(
            f"{file} is not a report of `qwen-lsp eval`: {error}. Make one with `qwen-lsp eval PATH --json {file.name}`."
        ) from error


def compare(a: Report, b: Report) -> str:
    """Two runs side by side on the holes both have, and which holes went from wrong to right or back."""
    common = {row.key for row in a.results} & {row.key for row in b.results}
    if not common:
        return "The two runs have no hole in common: give both the same files and the same seed."
    before = {row.key: row for row in a.results if row.key in common}
    after = {row.key: row for row in b.results if row.key in common}
    rows = [
        ["", *(name for name, _ in _COLUMNS)],
        _row("first", list(before.values())),
        _row("second", list(after.values())),
    ]
    for kind in dict.fromkeys(row.kind for row in before.values()):
        rows.append(_row(f"first, {kind}", [r for r in before.values() if r.kind == kind]))
        rows.append(_row(f"second, {kind}", [r for r in after.values() if r.kind == kind]))
    won = sorted(key for key in common if after[key].exact and not before[key].exact)
    lost = sorted(key for key in common if before[key].exact and not after[key].exact)
    lines = [
        _aligned(rows),
        "",
        f"{len(common)} holes in common; exact in the second only: {len(won)}, in the first only: {len(lost)}.",
    ]
    lines += [f"  + {file}:{line} ({kind})" for file, line, kind in won[:20]]
    lines += [f"  - {file}:{line} ({kind})" for file, line, kind in lost[:20]]
    return "\n".join(lines)


def _row(name: str, rows: Sequence[HoleResult]) -> list[str]:
    return [name, *(column(rows) for _, column in _COLUMNS)]


def _share(values: Iterable[bool | None]) -> str:
    listed = list(values)
    return f"{100 * sum(map(bool, listed)) / len(listed):.1f}%" if listed else "-"


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    )
