"""Example cards: the programs the starter model knows, asked for in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_lsp.samples import LANGUAGE_NAMES, PROGRAMS

_TOPICS_ZH = {
    "Fibonacci function": "斐波那契函数",
    "greatest common divisor function": "最大公约数函数",
    "binary search function": "二分查找函数",
    "stack class": "栈类",
    "word count function": "单词计数函数",
    "log collector class": "统一日志采集",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One card: title and request in English and Chinese."""

    key: str
    title: tuple[str, str]
    request: tuple[str, str]
    language: str


def _title(topic: str, language: str) -> str:
    return f"{topic[:1].upper()}{topic[1:]} · {LANGUAGE_NAMES[language]}"


EXAMPLES: tuple[Example, ...] = tuple(
    Example(
        f"example_{program.name}",
        (
            _title(program.topic, program.language),
            _title(_TOPICS_ZH.get(program.topic, program.topic), program.language),
        ),
        (program.request, program.request_zh),
        LANGUAGE_NAMES[program.language],
    )
    for program in PROGRAMS
)
