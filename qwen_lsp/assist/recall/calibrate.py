"""Leave-one-out on the workspace itself: at random places, what would have been offered, and was it right?"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qwen_lsp.assist.recall.confidence import Calibration, fit
from qwen_lsp.assist.recall.language_index import LanguageIndex, QueryPosition, far_from, is_wordlike
from qwen_lsp.assist.recall.lexer import BORDER, NEWLINE, Ints
from qwen_lsp.assist.recall.token_runs import TokenBlock

LEFT_OUT_TOKENS = 60
"""This many tokens around a place are left out, so that a place does not find itself."""
_QUERY_TOKENS = 110
# Beside so many places inside lines one where a line starts: harder, and asked for less often.
_LINE_STARTS_ONE_IN = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One place, what was known of the offer, and whether it was right to the end of the line."""

    known: tuple[float, ...]
    right: bool


def calibrate(
    family: LanguageIndex, places: int, pause: Callable[[], None], stop: Callable[[], bool]
) -> Calibration | None:
    """Fit the family's confidence to its own block; None when there is too little to learn from."""
    block = family.block
    if block is None or len(block.tokens) < 4 * LEFT_OUT_TOKENS:
        return None
    known: list[tuple[float, ...]] = []
    right: list[bool] = []
    starts = random_places(block, family, places // _LINE_STARTS_ONE_IN, seed=2, line_starts=True)
    for place, typed_chars in (*random_places(block, family, places, seed=1), *starts):
        if stop():
            return None
        trial = try_place(family, block, place, typed_chars)
        if trial is not None:
            known.append(trial.known)
            right.append(trial.right)
        pause()
    return fit(known, right) if len(known) >= 20 else None


def random_places(
    block: TokenBlock, family: LanguageIndex, count: int, *, seed: int, line_starts: bool = False
) -> Iterator[tuple[int, int]]:
    """(index of a token, characters of it already typed), inside lines or where lines start."""
    draw = random.Random(seed)
    texts = family.vocabulary.texts
    size = len(block.tokens)
    tries = 50 * count  # a block may hold no such place
    while count > 0 and tries > 0:
        place = draw.randrange(1, size)
        token = int(block.tokens[place])
        before = int(block.tokens[place - 1])
        tries -= 1
        if token in (BORDER, NEWLINE) or before == BORDER or (before == NEWLINE) != line_starts:
            continue
        count -= 1
        word = texts[token]
        yield place, 0 if line_starts or not is_wordlike(word) else draw.randrange(len(word))


def try_place(family: LanguageIndex, block: TokenBlock, place: int, typed_chars: int) -> Trial | None:
    """What would have been offered there, its surroundings left out; None when nothing."""
    number = block.file_index(place)
    first = int(block.firsts[number])
    query = block.tokens[max(first, place - _QUERY_TOKENS) : place]
    typed = family.vocabulary.texts[int(block.tokens[place])][:typed_chars]
    spot = QueryPosition(block.files[number].uri, place - first, query, typed)
    found = family.continue_from(spot, lines=1, forbidden=far_from(place, LEFT_OUT_TOKENS))
    if found is None:
        return None
    return Trial(found.known, found.continuation.tokens == rest_of_line(block.tokens, place))


def rest_of_line(tokens: Ints, place: int) -> tuple[int, ...]:
    """The tokens from a place to the end of its line."""
    told: list[int] = []
    for token in tokens[place : place + 200].tolist():
        if token in (NEWLINE, BORDER):
            break
        told.append(token)
    return tuple(told)
