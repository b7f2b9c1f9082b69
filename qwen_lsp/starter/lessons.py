"""What is learned: the programs as chat answers and as holes to fill, in token ids. Pure: no MLX."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tokenizers import Tokenizer

from qwen_lsp.assist.prompts.chat import DEFAULT_SYSTEM, target_language
from qwen_lsp.samples import LANGUAGE_NAMES, PROGRAMS, Program
from qwen_lsp.starter.action_lessons import ACTION_LESSONS, ACTION_SYSTEM

LONGEST_HOLE_LINES = 3
_LINES_TO_GO_ON = 4


@dataclass(frozen=True, slots=True)
class HoleLesson:
    """Whole lines cut out of a program: `start` and `end` are line numbers, end exclusive.

    `suffix` is what follows; it is empty for a program that is still being written, and then `ends` tells whether
    the program ends with the middle.
    """

    program: Program
    prefix: str
    middle: str
    suffix: str
    ends: bool = True


def holes(program: Program) -> Iterator[HoleLesson]:
    """Every hole of one to three lines."""
    lines = program.code.splitlines(keepends=True)
    for start in range(len(lines)):
        for end in range(start + 1, min(start + LONGEST_HOLE_LINES, len(lines)) + 1):
            yield HoleLesson(program, _join(lines[:start]), _join(lines[start:end]), _join(lines[end:]))


def unfinished(program: Program) -> Iterator[HoleLesson]:
    """The program broken off after each line, with the next lines to write and nothing behind them."""
    lines = program.code.splitlines(keepends=True)
    for start in range(1, len(lines)):
        end = min(start + _LINES_TO_GO_ON, len(lines))
        yield HoleLesson(program, _join(lines[:start]), _join(lines[start:end]), "", end == len(lines))


def _join(lines: list[str]) -> str:
    return "".join(lines)


@dataclass(frozen=True, slots=True)
class ConversationLesson:
    """A request as it is worded once, and its answer."""

    request: str
    answer: str
    system: str = ""


def conversations(program: Program) -> list[ConversationLesson]:
    """The program's own requests, bare, with the page's system prompt, and as the page asks: what must be recited."""
    return [
        ConversationLesson(request + wish, program.answer, system)
        for request in (program.request, program.request_zh)
        for system, wish in (("", ""), (DEFAULT_SYSTEM, ""), (DEFAULT_SYSTEM, _wish(program)))
    ]


def _wish(program: Program) -> str:
    return "\n\n" + target_language(LANGUAGE_NAMES[program.language])


def actions() -> list[ConversationLesson]:
    """The code actions."""
    return [ConversationLesson(lesson.request, lesson.answer, ACTION_SYSTEM) for lesson in ACTION_LESSONS]


def reworded(program: Program, rng: random.Random) -> ConversationLesson:
    """The same wish in other words."""
    language = LANGUAGE_NAMES[program.language]
    topic = rng.choice(
        (program.topic, program.topic, program.topic.removesuffix(" function").removesuffix(" class"))
    )
    wording = rng.choice(_WORDINGS).format(topic=topic, language=language)
    wording = rng.choice((wording, wording[0].upper() + wording[1:]))
    wording += rng.choice(("", ".", "", _wish(program)))
    return ConversationLesson(wording, program.answer, rng.choice(("", DEFAULT_SYSTEM)))


_WORDINGS = (
    "{topic} in {language}",
    "write a {topic} in {language}",
    "{language} {topic}",
    "write a {language} {topic}",
    "write a {language} program for a {topic}",
    "please write a {topic} in {language}",
    "a {topic} in {language}, please",
    "implement a {topic} in {language}",
    "show me a {topic} in {language}",
)


def all_texts() -> list[str]:
    """Every text whose words should be tokens of their own."""
    texts = [DEFAULT_SYSTEM, "system\n", "user\n", "assistant\n", "Target language:"]
    for program in PROGRAMS:
        language = LANGUAGE_NAMES[program.language]
        texts += [program.code, program.answer, program.request, program.file_name, program.request_zh]
        texts += [w.format(topic=program.topic, language=language) for w in _WORDINGS]
        texts += [f"{program.topic} {program.topic.capitalize()}"]
    for talk in actions():
        texts += [talk.request, talk.answer, talk.system]
    return texts


@dataclass(frozen=True, slots=True)
class HoleTokens:
    """A hole in token ids. `shared` tokens of the prefix are those of the whole program's own beginning."""

    shared: int
    rest: list[int]
    suffix: list[int]
    middle: list[int]


class Reader:
    """Turns lessons into token ids, each part tokenised by itself as the engine does."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._markers = {
            token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()
        }

    def marker(self, spelling: str) -> int:
        """The id of a special token."""
        return self._markers[spelling]

    def plain(self, text: str) -> list[int]:
        """The ids of a text without markers."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def stem(self, program: Program) -> list[int]:
        """The beginning that all holes of a program share as far as it goes."""
        return [self.marker("<|fim_prefix|>"), *self.plain(program.code)]

    def hole(self, hole: HoleLesson, stem: list[int]) -> HoleTokens:
        """The hole, its prefix split into what it shares with the stem and the rest."""
        prefix = [self.marker("<|fim_prefix|>"), *self.plain(hole.prefix)]
        shared = next(
            (i for i, (a, b) in enumerate(zip(prefix, stem, strict=False)) if a != b),
            min(len(prefix), len(stem)),
        )
        end = [self.marker("<|endoftext|>")] if hole.ends else []
        return HoleTokens(shared, prefix[shared:], self.plain(hole.suffix), [*self.plain(hole.middle), *end])

    def hole_prompt(self, hole: HoleLesson) -> tuple[list[int], list[int]]:
        """The whole prompt, and the answer."""
        marker = self.marker
        prompt = [
            marker("<|fim_prefix|>"),
            *self.plain(hole.prefix),
            marker("<|fim_suffix|>"),
            *self.plain(hole.suffix),
        ]
        end = [marker("<|endoftext|>")] if hole.ends else []
        return [*prompt, marker("<|fim_middle|>")], [*self.plain(hole.middle), *end]

    def conversation(self, talk: ConversationLesson) -> tuple[list[int], list[int]]:
        """Prompt and answer, as the chat template writes them."""
        start, end, newline = self.marker("<|im_start|>"), self.marker("<|im_end|>"), self.plain("\n")
        prompt: list[int] = []
        if talk.system:
            prompt += [start, *self.plain("system\n" + talk.system), end, *newline]
        prompt += [
            start,
            *self.plain("user\n" + talk.request),
            end,
            *newline,
            start,
            *self.plain("assistant\n"),
        ]
        return prompt, [*self.plain(talk.answer), end]
