"""The prompt of an action. Stable parts first (who you are, the file, the code), the task last.

So actions tried one after another on the same code share the prompt's prefix, and its KV.
The starter model is taught these very words for four actions: starter/action_lessons repeats them, a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping

from qwen_lsp.assist.actions.region import Region
from qwen_lsp.code.languages import fence_tag, language
from qwen_lsp.code.markdown import fence
from qwen_lsp.engine.request import ChatPrompt, Message

SYSTEM = "You are a careful programmer. Answer in the form asked for, with nothing before or after it."
CONTEXT_BEFORE_CHARS = 6_000
CONTEXT_AFTER_CHARS = 2_000


def prompt_for(region: Region, code: str, task: str) -> ChatPrompt:
    """The region as `code`, what stands around it, and then the task."""
    snapshot = region.snapshot
    name = language(snapshot.language).name
    parts = [*_surroundings(region), f"{name} code:", fenced(code, snapshot.language), task]
    return ChatPrompt((Message("system", SYSTEM), Message("user", "\n".join(parts))))


def fill(template: str, fields: Mapping[str, str]) -> str:
    """`template` with each {name} of `fields` replaced; other braces, also in the fields, stay."""
    pieces: list[str] = []
    for index, piece in enumerate(template.split("{")):
        name, closed, rest = piece.partition("}")
        known = index > 0 and closed and name in fields
        pieces.append(fields[name] + rest if known else ("{" if index else "") + piece)
    return "".join(pieces)


def fenced(code: str, language_id: str) -> str:
    """Code as it is shown to the model."""
    return fence(code, fence_tag(language_id))


def _surroundings(region: Region) -> list[str]:
    """The file around the region, for reading only; nothing when the region is the file."""
    if region.is_whole_file:
        return []
    text, tag = region.snapshot.text, region.snapshot.language
    before = _from_line_start(text[: region.start], CONTEXT_BEFORE_CHARS)
    after = _to_line_end(text[region.end :], CONTEXT_AFTER_CHARS)
    parts = []
    if before.strip():
        parts += ["For reading only, what stands above it:", fenced(before, tag)]
    if after.strip():
        parts += ["For reading only, what stands below it:", fenced(after, tag)]
    return parts


def _from_line_start(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else text[-most_chars:].partition("\n")[2]


def _to_line_end(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else text[:most_chars].rpartition("\n")[0]
