"""Is an edit fit to be applied? Raises ActionRefused for no; a sentence means: let the user look first."""

from __future__ import annotations

import re
from collections.abc import Callable

from qwen_lsp.assist.actions.region import Region
from qwen_lsp.assist.actions.types import applied
from qwen_lsp.code.languages import is_prose, language
from qwen_lsp.code.markdown import count_fence_lines
from qwen_lsp.code.snapshot import Edit
from qwen_lsp.errors import ActionRefused

Parses = Callable[[str, str], bool | None]
"""(text, language id) -> does it parse? None: nobody can say."""

_DEFINED = re.compile(
    r"\b(?:def|class|func|fn|function|struct|interface|enum|trait)\s+(?:\([^)]*\)\s*)?([A-Za-z_]\w*)"
)
_WHOLE_SHARE = 0.8
"""An answer nobody marked as whole must have at least this share of the old lines."""


def doubts(region: Region, edits: tuple[Edit, ...], code: str, parses: Parses, *, closed: bool) -> str:
    """Why the user should look first, or nothing. Raises ActionRefused when it must not be applied."""
    snapshot = region.snapshot
    if not edits:
        raise ActionRefused("The model saw nothing to change.")
    if count_fence_lines(code) and not count_fence_lines(region.text) and not is_prose(snapshot.language):
        raise ActionRefused("The model's answer holds a code fence inside the code. Nothing was changed.")
    after = applied(snapshot.text, edits)
    broken = parses(snapshot.text, snapshot.language) is True and parses(after, snapshot.language) is False
    if not closed and (broken or _lost_lines(region, code)):
        raise ActionRefused("The model's answer broke off in the middle of the code. Try again.")
    if broken:
        return "After this edit the file no longer parses."
    lost = sorted(_lost_names(region, code))
    if lost:
        return f"This removes {', '.join(lost)}."
    twice = sorted(_twice(region, code))
    return f"This writes {', '.join(twice)}, which the file has elsewhere." if twice else ""


def only_documents(before: str, after: str, language_id: str) -> bool:
    """The code is the same but for comments, docstrings and white space."""
    return _bare_code(before, language_id) == _bare_code(after, language_id)


def _lost_lines(region: Region, code: str) -> bool:
    """The code ends neither as the old code does, nor is it about as long."""
    old = [row.strip() for row in region.text.splitlines() if row.strip()]
    new = [row.strip() for row in code.splitlines() if row.strip()]
    return new[-1:] != old[-1:] and len(new) < len(old) * _WHOLE_SHARE


def _lost_names(region: Region, code: str) -> set[str]:
    """Definitions of the region that are gone: all of them when there are fewer now, else those used outside."""
    old, new = set(_DEFINED.findall(region.text)), set(_DEFINED.findall(code))
    if len(new) < len(old):
        return old - new
    text = region.snapshot.text
    outside = text[: region.start] + "\n" + text[region.end :]
    return {name for name in old - new if re.search(rf"\b{re.escape(name)}\b", outside)}


def _twice(region: Region, code: str) -> set[str]:
    """Definitions that the code adds although they stand outside the region already."""
    text = region.snapshot.text
    outside = set(_DEFINED.findall(text[: region.start] + "\n" + text[region.end :]))
    return (set(_DEFINED.findall(code)) - set(_DEFINED.findall(region.text))) & outside


def whole_file_instead(region: Region, code: str) -> bool:
    """A part was asked for, but the code is the whole file: all that is defined in it, and more than the part."""
    everything = set(_DEFINED.findall(region.snapshot.text))
    return bool(_twice(region, code)) and everything <= set(_DEFINED.findall(code))


def _bare_code(text: str, language_id: str) -> str:
    """The code without what documents it."""
    facts = language(language_id)
    if facts.documentation == "docstrings":
        text = re.sub(r'(?m)^\s*[rRuU]?("""|\'\'\')[\s\S]*?\1\s*$', "", text)
    if facts.block_comments:
        text = re.sub(r"/\*[\s\S]*?\*/", "", text)
    if facts.line_comment:
        text = re.sub(rf"(?m)(^|\s){re.escape(facts.line_comment)}.*$", "", text)
    return re.sub(r"\s+", "", text)
