"""From the tokens before the cursor to places that went before in the same way, and to what followed there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from qwen_lsp.assist.recall.lexer import BORDER, NEWLINE, Ints
from qwen_lsp.assist.recall.token_runs import LONG, MIDDLE, SHORT, run_hash

MOST_PLACES = 250
_KEPT_PLACES = 32
_LONGEST_RUN = 40
_RENAMED_REACH = 48
_RENAMED_PLACES = 16
# By how much one more equal token makes a place likelier to go on as here, and being near the cursor does.
_PER_TOKEN = 1.35
# When another line is offered after the first.
_AGREED, _SEVERAL, _VERY_LIKE = 0.8, 3, 16
_SAME_FILE = 1.6
_SAME_FOLDER = 1.2


@dataclass(slots=True)
class Match:
    """One place elsewhere: `next` is the index of the token that followed the equal run."""

    source: int
    """Which token array (an index into the query's sources)."""
    next: int
    run: int
    """Length of the exactly equal run, tokens."""
    soft: int = 0
    """Tokens before that which are equal but for a consistent renaming."""
    weight: float = 1.0
    renaming: dict[int, int] = field(default_factory=dict)
    """Names there -> names here."""


class Source:
    """A token array that can be asked for places: the block of closed files or one open document."""

    __slots__ = ("barrier", "closeness", "find", "forbidden", "tokens")

    def __init__(
        self,
        tokens: Ints,
        find: Callable[[int, int], Ints],
        closeness: Callable[[int], float],
        forbidden: Callable[[Ints], Ints] | None = None,
        barrier: int = -1,
    ) -> None:
        self.tokens = tokens
        self.barrier = barrier
        """The cursor's own index: nothing is followed into the code around it."""
        self.find = find
        """(run length, most) -> places"""
        self.closeness = closeness
        """place -> factor for how near it is to the cursor's file"""
        self.forbidden = forbidden
        """keeps only the places that may be used"""


def find_places(
    query: Ints, sources: Sequence[Source], is_name: Callable[[int], bool], accepts: Callable[[int], bool]
) -> list[Match]:
    """The best places, heaviest first. `accepts` says whether a next token fits what is typed of it."""
    for length in (LONG, MIDDLE, SHORT):
        if len(query) < length:
            continue
        found = [_in_source(i, s, query, length, accepts) for i, s in enumerate(sources)]
        places = [p for group in found for p in group]
        if places:
            places.sort(key=lambda p: p.run, reverse=True)
            places = places[:_KEPT_PLACES]
            _weigh(places, query, sources, is_name)
            return places
    return []


def _in_source(
    index: int, source: Source, query: Ints, length: int, accepts: Callable[[int], bool]
) -> list[Match]:
    at = source.find(length, MOST_PLACES)
    if source.forbidden is not None:
        at = source.forbidden(at)
    at = at[at < len(source.tokens)]
    if not len(at):
        return []
    following = source.tokens[at]
    fits = {int(t): t != BORDER and accepts(int(t)) for t in np.unique(following)}
    at = at[np.fromiter((fits[t] for t in following.tolist()), bool, len(at))]
    runs = _run_lengths(source.tokens, at, query)
    best = np.argsort(-runs, kind="stable")[:_KEPT_PLACES]
    return [Match(index, int(at[i]), int(runs[i])) for i in best if runs[i] >= length]


def _run_lengths(tokens: Ints, at: Ints, query: Ints) -> Ints:
    """How many tokens before each place equal the query's end."""
    runs = np.zeros(len(at), np.int32)
    alive = np.arange(len(at))
    for back in range(1, min(_LONGEST_RUN, len(query)) + 1):
        where = at[alive] - back
        same = (where >= 0) & (tokens[np.maximum(where, 0)] == query[-back])
        alive = alive[same]
        if not len(alive):
            break
        runs[alive] = back
    return runs


def _weigh(
    places: list[Match], query: Ints, sources: Sequence[Source], is_name: Callable[[int], bool]
) -> None:
    wanted = query[-(_LONGEST_RUN + _RENAMED_REACH) :].tolist()
    longest = places[0].run
    for number, place in enumerate(places):
        source = sources[place.source]
        if number < _RENAMED_PLACES:
            _extend_renamed(place, wanted, source.tokens, is_name)
        place.weight = _PER_TOKEN ** (place.run + 0.5 * place.soft - longest) * source.closeness(place.next)
    places.sort(key=lambda p: p.weight, reverse=True)


def _extend_renamed(place: Match, wanted: list[int], tokens: Ints, is_name: Callable[[int], bool]) -> None:
    """Go on before the equal run as long as names there stand for names here, one for one."""
    end = place.next - place.run
    there = tokens[max(0, end - _RENAMED_REACH) : end].tolist()
    here = wanted[: len(wanted) - place.run]
    forward: dict[int, int] = {}
    backward: dict[int, int] = {}
    for a, b in zip(reversed(there), reversed(here), strict=False):
        if a == BORDER:
            break
        known = forward.get(a)
        if known is None:
            if a != b and not (is_name(a) and is_name(b)):
                break
            if backward.get(b, a) != a:
                break
            forward[a], backward[b] = b, a
        elif known != b:
            break
        place.soft += 1
    place.renaming = {a: b for a, b in forward.items() if a != b}


@dataclass(frozen=True, slots=True)
class Continuation:
    """What followed, as far as the places agree."""

    tokens: tuple[int, ...]
    followed: Match
    """The heaviest place that goes this way to the end; its text is offered."""
    supporters: tuple[Match, ...]
    share: float
    """Weight of the places that agree to the end, of all."""
    least_share: float
    """The smallest share at any step, among those that agreed so far."""
    ended: bool
    """Whether the end asked for was reached (a line break, or the file's end)."""


def agree(
    places: Sequence[Match], sources: Sequence[Source], *, lines: int, most_tokens: int = 64
) -> Continuation:
    """Follow the heavier voices token by token to the end of `lines` lines."""
    voices = list(places)
    total = sum(p.weight for p in voices)
    told: list[int] = []
    least, breaks = 1.0, 0
    share = 1.0
    for step in range(most_tokens):
        tally: dict[int, float] = {}
        says: list[int] = []
        for p in voices:
            token = _said(p, sources[p.source], step)
            says.append(token)
            tally[token] = tally.get(token, 0.0) + p.weight
        winner = max(tally, key=lambda t: tally[t])
        weight = sum(tally.values())
        if breaks and not _worth_going_on(tally[winner] / weight, voices):
            return _ended(told, voices, share, least)
        least = min(least, tally[winner] / weight)
        voices = [p for p, token in zip(voices, says, strict=True) if token == winner]
        share = sum(p.weight for p in voices) / total
        if winner in (NEWLINE, BORDER):
            breaks += 1
            if breaks >= lines or winner == BORDER:
                return _ended(told, voices, share, least)
        told.append(winner)
    return Continuation(tuple(told), voices[0], tuple(voices), share, least, False)


def _worth_going_on(agreed: float, voices: Sequence[Match]) -> bool:
    """Whether a further line is likely enough: most places agree, and they are several or very like this one."""
    if agreed < _AGREED:
        return False
    best = voices[0]
    return len(voices) >= _SEVERAL or best.run + best.soft >= _VERY_LIKE


def _ended(told: list[int], voices: list[Match], share: float, least: float) -> Continuation:
    return Continuation(tuple(told), voices[0], tuple(voices), share, least, True)


def _said(place: Match, source: Source, step: int) -> int:
    index = place.next + step
    if index >= len(source.tokens) or place.next < source.barrier <= index:
        return BORDER
    token = int(source.tokens[index])
    return place.renaming.get(token, token)


def hash_of_end(query: Ints, length: int) -> int:
    """The hash of the query's last `length` tokens."""
    return run_hash(query[-length:].tolist())
