"""The words of each action. Stable parts first (who you are, the file, the code), the task last.

So actions tried one after another on the same code share the prompt's prefix, and its KV.
The starter model is taught these very words for four actions: engine/starter repeats them, a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qwen_lsp.assist.actions.region import Region
from qwen_lsp.code.languages import fence_tag, language
from qwen_lsp.code.markdown import fence
from qwen_lsp.engine.request import ChatPrompt, Message

SYSTEM = "You are a careful programmer. Answer in the form asked for, with nothing before or after it."
CONTEXT_BEFORE_CHARS = 6_000
CONTEXT_AFTER_CHARS = 2_000

_WHOLE = " Answer with the whole code in one fenced block."
TASKS: Mapping[str, str] = {
    "explain": "Explain this code.",
    "document": "Document this code with {documentation}. Change nothing else." + _WHOLE,
    "fix": "Fix this problem and nothing else:\n{problems}\n" + _WHOLE.strip(),
    "types": "Add the missing type annotations. Change nothing else." + _WHOLE,
    "simplify": "Make this code simpler. It must do exactly the same." + _WHOLE,
    "rename": "Give unclear local names clearer ones. Names used from outside stay." + _WHOLE,
    "extract": "Move these lines into a well-named function of their own and call it:\n{selection}\n"
    + _WHOLE.strip(),
    "errors": "Handle the errors that can happen here, in the way of this code." + _WHOLE,
    "optimise": "Make this code faster. Its results must stay the same." + _WHOLE,
    "tests": "Write tests for this code with {framework}. {place} Answer with the whole test file in one fenced block.",
    "more-tests": (
        "Write more tests for this code with {framework}, to be added at the end of this test file:\n{existing}\n"
        "Answer with only the new tests in one fenced block."
    ),
    "complete": (
        "Write the code that this comment asks for; it will stand right below the comment:\n{comment}\n"
        "Answer with only the new code in one fenced block, without the comment."
    ),
    "translate": (
        "Translate this code to {target}, in the manner of {target} programmers. "
        "Answer with the whole {target} file in one fenced block."
    ),
    "migrate": (
        "Migrate this code: {words}\nAnswer with the whole code in one fenced block, and after it a list of the "
        "risks to check, one line each, beginning with '- '."
    ),
    "review": (
        "Review this code for faults of quality and security. Lines are counted from 1. "
        "Answer with a JSON array in one fenced block; each element has line, end_line, "
        'severity ("error", "warning" or "information"), area ("quality" or "security"), message and fix. '
        "An empty array when nothing is wrong."
    ),
    "instruct": "{words}" + _WHOLE,
    "repair": "These tests fail:\n{output}\nMend the code, not the tests." + _WHOLE,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A region as the model is shown it: `code` without its common indent."""

    region: Region
    code: str


def prompt_for(task: str, shown: Shown, words: Mapping[str, str]) -> ChatPrompt:
    """The conversation that asks for one of TASKS."""
    return chat(shown, fill(TASKS[task], words))


def chat(shown: Shown, task: str) -> ChatPrompt:
    """The code, what stands around it, and then the task."""
    snapshot = shown.region.snapshot
    name = language(snapshot.language).name
    parts = [*_around(shown.region), f"{name} code:", fenced(shown.code, snapshot.language), task]
    return ChatPrompt((Message("system", SYSTEM), Message("user", "\n".join(parts))))


def fill(template: str, words: Mapping[str, str]) -> str:
    """`template` with each {name} that is known replaced; other braces, also in the words, stay."""
    pieces: list[str] = []
    for index, piece in enumerate(template.split("{")):
        name, closed, rest = piece.partition("}")
        known = index > 0 and closed and name in words
        pieces.append(words[name] + rest if known else ("{" if index else "") + piece)
    return "".join(pieces)


def fenced(code: str, language_id: str) -> str:
    """Code as it is shown to the model."""
    return fence(code, fence_tag(language_id))


def _around(region: Region) -> list[str]:
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
