"""The starter's byte-level BPE: one token for every word of the programs and of each word's beginnings.

Words are cut by Qwen's own pattern. That each beginning of a word is a token of its own lets a half-typed word be
taken back as one token.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

QWEN_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_MOST_REPAIRS = 12
_BLANK_RUNS = (("Ġ", 16), ("ĉ", 4), ("Ċ", 4))
"""Indentation in byte letters (blank, tab, newline), and up to how many are one token."""


def cutter() -> pre_tokenizers.PreTokenizer:
    """Cuts text into words as Qwen does, and spells each word in byte letters."""
    split = pre_tokenizers.Split(Regex(QWEN_PATTERN), behavior="isolated", invert=False)
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def build_tokenizer(texts: Sequence[str]) -> Tokenizer:
    """A tokenizer in which every word of `texts` is one token, if it is not very long."""
    merges = _merges(_words(texts))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet(), key=_byte_order)
    names = dict.fromkeys([*letters, *(a + b for a, b in merges)])  # two merges may spell the same token
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = cutter()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _byte_order(letter: str) -> tuple[bool, int]:
    """The real vocabulary's order: printable bytes first."""
    return ord(letter) > 255, ord(letter)


def _words(texts: Sequence[str]) -> list[str]:
    """The distinct words, in byte letters, in order of first appearance."""
    cut = cutter()
    seen: dict[str, None] = {}
    for text in texts:
        for word, _ in cut.pre_tokenize_str(text):
            if len(word) > 1:
                seen.setdefault(word)
    return list(seen)


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """Merges that build words from their left end, ordered so that few words are torn by another one's merges."""
    order = sorted(words, key=len)
    for _ in range(_MOST_REPAIRS):
        rank = _ranked(order)
        torn = [word for word in order if len(_parts(word, rank)) > 1]
        if not torn:
            break
        first = set(torn)
        order = torn + [word for word in order if word not in first]
    for word in order:
        for end in range(2, len(word) + 1):
            _join(_parts(word[:end], rank), rank)
    return list(rank)


def _ranked(order: list[str]) -> dict[tuple[str, str], int]:
    """Each merge with its rank: runs of blanks by halves first, then the words in order, letter by letter."""
    rank: dict[tuple[str, str], int] = {}
    for blank, longest in _BLANK_RUNS:
        lengths = sorted(range(2, longest + 1), key=lambda n: (n & (n - 1) != 0, n))
        for length in lengths:
            half = 1 << (length - 1).bit_length() - 1
            rank.setdefault((blank * half, blank * (length - half)), len(rank))
    for word in order:
        for end in range(1, len(word)):
            rank.setdefault((word[:end], word[end]), len(rank))
    return rank


def _join(parts: list[str], rank: dict[tuple[str, str], int]) -> None:
    """Add the merges, after all others, that make one token of the parts."""
    while len(parts) > 1:
        rank.setdefault((parts[0], parts[1]), len(rank))
        parts = [parts[0] + parts[1], *parts[2:]]


def _parts(word: str, rank: dict[tuple[str, str], int]) -> list[str]:
    """The word as BPE cuts it."""
    parts = list(word)
    while len(parts) > 1:
        pairs = [(rank[pair], i) for i, pair in enumerate(pairwise(parts)) if pair in rank]
        if not pairs:
            break
        _, i = min(pairs)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts
