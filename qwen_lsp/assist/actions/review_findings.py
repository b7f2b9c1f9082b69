"""A review's answer, JSON or a list, made into findings with ranges in the document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from qwen_lsp.assist.actions.region import Region, indent_of
from qwen_lsp.assist.actions.types import Finding, Severity
from qwen_lsp.code.markdown import read_fences
from qwen_lsp.errors import ActionRefused

_SEVERITIES: Mapping[str, Severity] = {
    "critical": "error", "high": "error", "error": "error", "severe": "error",
    "warning": "warning", "medium": "warning", "moderate": "warning", "warn": "warning",
    "information": "information", "info": "information", "low": "information", "minor": "information",
    "hint": "hint", "style": "hint",
}  # fmt: skip
_LISTED = re.compile(
    r"^\s*(?:[-*]|\d+[.)])?\s*\**(?:lines?|L)\s*(\d+)(?:\s*(?:-|–|to)\s*(\d+))?\**\s*[:,.)-]\s*"
    r"(?:\**[\[(]?(critical|high|error|warning|medium|information|info|low|hint)[\])]?\**\s*[:,-]?\s*)?(.+)$",
    re.IGNORECASE | re.MULTILINE,
)
_SECURITY = re.compile(
    r"inject|secret|password|unsafe|vulnerab|exploit|overflow|traversal|xss|security", re.IGNORECASE
)
_NOTHING = re.compile(
    r"\bno (?:issues|problems|faults|findings)|nothing (?:is )?(?:wrong|to report)|looks (?:good|fine)",
    re.IGNORECASE,
)


def findings_of(answer: str, region: Region) -> tuple[Finding, ...]:
    """The findings, in the order of their lines; raises ActionRefused when the answer has none to read."""
    rows = list(_from_json(answer))
    found = [finding for row in rows if (finding := _finding(row, region)) is not None]
    if not found and not _is_empty_list(answer):
        found = [_listed(match, region) for match in _LISTED.finditer(answer)]
    if not found and not _is_empty_list(answer) and not _NOTHING.search(answer):
        raise ActionRefused("The review could not be read: the model did not list its findings. Try again.")
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: finding.start))


def _from_json(answer: str) -> Iterator[Mapping[str, Any]]:
    """Every finding-shaped object, also of an array that was cut off or stands among words."""
    found = read_fences(answer).blocks
    text = "\n".join(block.code for block in found) if found else answer
    decoder = json.JSONDecoder(strict=False)
    at = text.find("{")
    while at >= 0:
        try:
            value, after = decoder.raw_decode(text, at)
        except ValueError:
            after = at + 1
        else:
            yield from _objects(value)
        at = text.find("{", after)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The value itself, or those of a list that it wraps ({"findings": [...]})."""
    if not isinstance(value, dict):
        return
    if "message" in value or "line" in value:
        yield value
    for inner in value.values():
        if isinstance(inner, list):
            for item in inner:
                yield from _objects(item)


def _is_empty_list(answer: str) -> bool:
    found = read_fences(answer).blocks
    return any(re.fullmatch(r"\s*\[\s*\]\s*", text) for text in (answer, *(block.code for block in found)))


def _finding(row: Mapping[str, Any], region: Region) -> Finding | None:
    message = str(row.get("message") or row.get("issue") or row.get("description") or "").strip()
    first = _number(row.get("line", row.get("start_line")))
    if not message or first is None:
        return None
    last = _number(row.get("end_line", row.get("endLine"))) or first
    severity = _SEVERITIES.get(str(row.get("severity", "warning")).lower(), "warning")
    start, end = _span(region, first, last)
    return Finding(start, end, severity, message, str(row.get("fix") or "").strip(), _area(row, message))


def _listed(match: re.Match[str], region: Region) -> Finding:
    first = int(match.group(1))
    start, end = _span(region, first, int(match.group(2) or first))
    message = match.group(4).strip().strip("*").strip()
    severity = _SEVERITIES.get((match.group(3) or "warning").lower(), "warning")
    return Finding(start, end, severity, message, "", _area({}, message))


def _area(row: Mapping[str, Any], message: str) -> Literal["quality", "security"]:
    named = str(row.get("area") or row.get("category") or "").lower()
    return "security" if named == "security" or (not named and _SECURITY.search(message)) else "quality"


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float) and -1e9 < value < 1e9:
        return int(value)
    found = re.search(r"\d{1,9}", value) if isinstance(value, str) else None
    return int(found.group()) if found else None


def _span(region: Region, first: int, last: int) -> tuple[int, int]:
    """Offsets of lines first..last of the region, counted from 1, without the indentation at the start."""
    snapshot = region.snapshot
    top = snapshot.line_of(region.start)
    bottom = max(top, snapshot.line_of(max(region.start, region.end - 1)))
    head = min(max(top, top + first - 1), bottom)
    tail = min(max(head, top + last - 1), bottom)
    line = snapshot.line_text(head)
    start = snapshot.line_start(head) + (indent_of(line) if line.strip() else 0)
    return start, max(start, snapshot.line_start(tail) + len(snapshot.line_text(tail)))
