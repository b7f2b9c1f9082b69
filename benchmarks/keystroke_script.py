"""Real keystrokes: a piece of a real file is taken out and typed in again, with slips, jumps and accepts."""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_PIECE_LINES = 6
_SLIP_EVERY = 40
_JUMP_EVERY = 90
_ACCEPT_EVERY = 35
_LARGEST_CHARS = 200_000


@dataclass(frozen=True, slots=True)
class Key:
    """One thing the user does, after which a suggestion is asked for."""

    kind: Literal["type", "slip", "erase", "jump", "return", "accept"]
    text: str = ""
    """What is typed; for `accept` the longest piece of the shown suggestion to take is one line."""


@dataclass(frozen=True, slots=True)
class Script:
    """A file with a piece missing at `cursor`, and the keys that bring it back."""

    path: Path
    text: str
    cursor: int
    keys: tuple[Key, ...]


def source_files(count: int) -> list[Path]:
    """Files of the standard library and of installed packages, half each, the same at every run."""
    places = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib")]
    chosen: list[Path] = []
    for place, share in zip(places, (count - count // 2, count // 2), strict=True):
        packages = place.glob("*.py") if place == places[0] else place.glob("*/*.py")
        files = sorted(f for f in packages if 8_000 < f.stat().st_size < _LARGEST_CHARS and f.name[0] != "_")
        random.Random(7).shuffle(files)
        chosen += sorted(files[:share])
    return chosen


def scripts(files: int, keys: int, seed: int = 11) -> list[Script]:
    """Scripts over so many files with so many keys in all."""
    dice = random.Random(seed)
    made: list[Script] = []
    paths = source_files(files)
    for number, path in enumerate(paths):
        due = (keys - sum(len(s.keys) for s in made)) // (len(paths) - number)
        made.append(_script(path, path.read_text("utf-8", errors="replace").replace("\r", ""), due, dice))
    return made


def _script(path: Path, text: str, count: int, dice: random.Random) -> Script:
    lines = text.splitlines(keepends=True)
    wanted = max(_PIECE_LINES, count // 25)
    first = dice.randrange(10, max(11, len(lines) - wanted - 10))
    before, piece = "".join(lines[:first]), "".join(lines[first : first + wanted])
    rest = "".join(lines[first + wanted :])
    keys = tuple(key for _, key in zip(range(count), _keys(piece, dice), strict=False))
    return Script(path, f"{before}\n{rest}", len(before), keys)


def _keys(piece: str, dice: random.Random) -> Iterator[Key]:
    for number, char in enumerate(piece, start=1):
        if number % _SLIP_EVERY == 0:
            yield Key("slip", dice.choice("qzxj"))
            yield Key("erase")
        if number % _JUMP_EVERY == 0:
            yield Key("jump")
            yield Key("return")
        yield Key("accept") if number % _ACCEPT_EVERY == 0 else Key("type", char)
