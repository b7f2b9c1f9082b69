"""One answer as text: bytes to letters, stop texts, the limit of tokens, what healing takes back."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qwen_lsp.engine.mlx.sampling import SampledToken
from qwen_lsp.engine.request import Chunk, Finish, Token
from qwen_lsp.engine.stop_strings import StopScanner


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends an answer."""

    tokens: frozenset[int]
    texts: tuple[str, ...]
    max_tokens: int


class OutputText:
    """Takes tokens, hands out chunks, and knows when it is over."""

    def __init__(
        self,
        index: int,
        ends: Ends,
        bytes_of: Sequence[bytes],
        emit: Callable[[Chunk], None],
        *,
        heal: bytes = b"",
    ) -> None:
        self.index = index
        self.generated = 0
        self.finish: Finish | None = None
        self._ends = ends
        self._bytes_of = bytes_of
        self._emit = emit
        self._scanner = StopScanner(ends.texts)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._swallow_chars = len(heal.decode("utf-8", "replace"))

    @property
    def left_tokens(self) -> int:
        """How many more tokens it may have."""
        return self._ends.max_tokens - self.generated

    def take(self, token: int, pick: SampledToken) -> bool:
        """The next token; True when the answer is over."""
        if token in self._ends.tokens:
            self._end(Finish("stop"))
            return True
        self.generated += 1
        passed = self._scanner.feed(self._letters(self.letters_of(token)))
        noted = (self._note(token, pick),)
        if passed.stop is not None:
            self._end(Finish("stop", stop_text=passed.stop), passed.text, noted)
        elif self.generated >= self._ends.max_tokens:
            rest = self._letters(b"", final=True)
            last = self._scanner.feed(rest)
            text = passed.text + last.text + self._scanner.flush()
            self._end(Finish("length"), text, noted)
        else:
            self._emit(Chunk(passed.text, noted, self.index))
        return self.finish is not None

    def nothing(self) -> None:
        """End at once with no text (no tokens were asked for)."""
        self._end(Finish("length"))

    def letters_of(self, token: int) -> bytes:
        """The bytes of a token; none for ids beyond the vocabulary (padding)."""
        return self._bytes_of[token] if token < len(self._bytes_of) else b""

    def _end(self, finish: Finish, text: str = "", tokens: tuple[Token, ...] = ()) -> None:
        if finish.reason == "stop" and finish.stop_text is None:
            rest = self._scanner.feed(self._letters(b"", final=True))
            text += rest.text + self._scanner.flush()
        self.finish = finish
        self._emit(Chunk(text, tokens, self.index, finish=finish))

    def _letters(self, piece: bytes, *, final: bool = False) -> str:
        text = self._decoder.decode(piece, final)
        if self._swallow_chars and text:
            cut = min(self._swallow_chars, len(text))
            self._swallow_chars -= cut
            text = text[cut:]
        return text

    def _note(self, token: int, pick: SampledToken) -> Token:
        alternatives = tuple((self._spelling(i), logprob) for i, logprob in pick.alternatives())
        experts = pick.experts.chosen_experts() if pick.experts is not None else ()
        return Token(token, self._spelling(token), pick.logprob(), alternatives, experts)

    def _spelling(self, token: int) -> str:
        return self.letters_of(token).decode("utf-8", "replace")
