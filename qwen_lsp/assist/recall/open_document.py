"""The token runs of one open document, kept true at every keystroke by re-reading only the lines that changed."""

from __future__ import annotations

import numpy as np

from qwen_lsp.assist.recall.lexer import NEWLINE, Ints, LexerVocabulary, lex
from qwen_lsp.assist.recall.token_runs import LONG, MIDDLE, SHORT, Hashes, run_hash, run_hashes


class IndexedDocument:
    """Tokens, offsets and run hashes of the text as it is now."""

    def __init__(self, uri: str, text: str, vocabulary: LexerVocabulary) -> None:
        self.uri = uri
        self._vocabulary = vocabulary
        self.text = text
        lexed = lex(text, vocabulary)
        self.tokens: Ints = lexed.tokens
        self.starts: Ints = lexed.starts
        self._hashes: dict[int, Hashes] = {n: run_hashes(self.tokens, n) for n in (LONG, MIDDLE, SHORT)}

    def replace(self, text: str) -> None:
        """Take the new text; works on the span between the common beginning and the common end."""
        old = self.text
        if text == old:
            return
        head = _common_head(old, text)
        tail = _common_tail(old, text, head)
        self._splice(text, head, len(old) - tail, len(text) - len(old))
        self.text = text

    def _splice(self, text: str, start: int, old_end: int, shift: int) -> None:
        """Re-lex from the break before `start` to the break after `old_end` (offsets in the old text)."""
        first = self._break_before(start)
        last = self._break_after(old_end)
        from_offset = int(self.starts[first]) if first < len(self.starts) else 0
        from_offset = 0 if first == 0 else from_offset
        to_offset = int(self.starts[last]) + shift if last < len(self.starts) else len(text)
        fresh = lex(text[from_offset:to_offset], self._vocabulary, from_offset)
        self.starts = np.concatenate(
            [self.starts[:first], fresh.starts, self.starts[last:] + np.int32(shift)]
        )
        self.tokens = np.concatenate([self.tokens[:first], fresh.tokens, self.tokens[last:]])
        self._rehash(first, first + len(fresh.tokens), last)

    def _rehash(self, first: int, fresh_end: int, old_last: int) -> None:
        for length, old in self._hashes.items():
            begin = max(0, first - length)
            end = min(len(self.tokens), fresh_end + length)
            middle = run_hashes(self.tokens[begin:end], length)
            # Hash i covers the tokens before i: those up to `first` and from fresh_end + length on are unchanged.
            keep_head = old[: first + 1]
            keep_tail = old[old_last + length :]
            fresh = middle[first + 1 - begin : fresh_end + length - begin]
            self._hashes[length] = np.concatenate([keep_head, fresh, keep_tail])

    def _break_before(self, offset: int) -> int:
        """Index of the last line break that ends before the character at `offset` begins; 0 when there is none."""
        index = int(np.searchsorted(self.starts, offset, "left")) - 1
        while index > 0 and self.tokens[index] != NEWLINE:
            index -= 1
        # The break itself may grow or shrink when blank lines change, so begin at the one before it.
        index -= 1
        while index > 0 and self.tokens[index] != NEWLINE:
            index -= 1
        return max(index, 0)

    def _break_after(self, offset: int) -> int:
        """Index of the first line break that begins after `offset`; the count of tokens when there is none."""
        index = int(np.searchsorted(self.starts, offset, "right"))
        while index < len(self.tokens) and self.tokens[index] != NEWLINE:
            index += 1
        return index

    def places(self, tokens: Ints, length: int, most: int) -> Ints:
        """Places after a run equal to the last `length` of `tokens`, the latest ones first when there are too many."""
        found = np.flatnonzero(self._hashes[length] == np.uint32(run_hash(tokens[-length:].tolist())))
        return found[-most:].astype(np.int32)

    def before(self, offset: int) -> int:
        """How many tokens begin before `offset`."""
        return int(np.searchsorted(self.starts, offset, "left"))


def _common_head(a: str, b: str) -> int:
    """Length of the common beginning, by halving: comparing slices is fast, characters are not."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _common_tail(a: str, b: str, head: int) -> int:
    """Length of the common end that does not reach into the first `head` characters."""
    most = min(len(a), len(b)) - head
    low, high = 0, most
    if a[len(a) - most :] == b[len(b) - most :]:
        return most
    while high - low > 1:
        middle = (low + high) // 2
        if a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]:
            low = middle
        else:
            high = middle
    return low
