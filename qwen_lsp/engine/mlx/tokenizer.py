"""From a prompt to token ids, and from token ids to bytes. Users' text is never read as a marker."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Text, TextPrompt
from qwen_lsp.engine.special_tokens import QWEN_ENDINGS, call_opening
from qwen_lsp.engine.token_healing import HealingVocabulary
from qwen_lsp.errors import GenerationFailed

_CACHED_CHARS = 2_000_000
_LONGEST_STEP_BACK = 8


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A prompt as the model reads it."""

    tokens: list[int]
    stable: int
    """Tokens up to and with the last marker (all of them for a chat): what the next prompt will share."""
    heal: bytes
    """Bytes taken back from the end: the answer must begin with them, and they are not shown."""
    stops: frozenset[int]
    opening: str = ""
    """The end of the prompt that belongs to the answer and is shown as its beginning."""


class PromptReader:
    """Tokenises prompts part by part and remembers the parts that come again."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._markers: dict[str, int] = dict(tokenizer.get_added_vocab())
        self._plain = _without_markers(tokenizer)
        self._seen: OrderedDict[str, list[int]] = OrderedDict()
        self._seen_chars = 0
        self.bytes_of = token_bytes(tokenizer)
        self.vocabulary = HealingVocabulary(self.bytes_of, never=frozenset(self._markers.values()))
        self._ends = frozenset(int(i) for i in tokenizer.eos_token_ids)
        self._fim_stops = self._ends | {self._markers[t] for t in QWEN_ENDINGS if t in self._markers}

    def read(self, prompt: TextPrompt | ChatPrompt, *, heal: bool = False) -> ReadPrompt:
        """The prompt's tokens; with `heal`, less those that the next letters could still change."""
        if isinstance(prompt, ChatPrompt):
            return self._read_chat(prompt, heal)
        tokens: list[int] = []
        stable, healed, is_fim = 0, b"", False
        for part in prompt.parts:
            if isinstance(part, Marker):
                tokens.append(self._marker(part.token))
                stable = len(tokens)
                is_fim = is_fim or part.token.startswith("<|fim_")
            else:
                tokens.extend(self.plain(part.text))
        if heal and prompt.parts and isinstance(prompt.parts[-1], Text):
            back = self._step_back(prompt.parts[-1].text)
            tokens, healed = self._split(tokens, back)
        return ReadPrompt(tokens, min(stable, len(tokens)), healed, self._fim_stops if is_fim else self._ends)

    def plain(self, text: str) -> list[int]:
        """Tokens of a user's text: spelled markers are plain letters here."""
        known = self._seen.get(text)
        if known is not None:
            self._seen.move_to_end(text)
            return known
        tokens = list(self._plain.encode(text, add_special_tokens=False).ids)
        self._seen[text] = tokens
        self._seen_chars += len(text)
        while self._seen_chars > _CACHED_CHARS and len(self._seen) > 1:
            self._seen_chars -= len(self._seen.popitem(last=False)[0])
        return tokens

    def text(self, tokens: Sequence[int]) -> str:
        """The text of token ids, markers spelled out."""
        known = (self.bytes_of[token] for token in tokens if 0 <= token < len(self.bytes_of))
        return b"".join(known).decode("utf-8", "replace")

    def template(self, prompt: ChatPrompt) -> str:
        """The conversation as the chat template writes it, with the answer's given beginning."""
        text, spellings = self._render(prompt)
        for mark, spelling in spellings.items():
            text = text.replace(mark, spelling)
        return text + prompt.prefill + call_opening(prompt.must_call)

    def _marker(self, spelling: str) -> int:
        token = self._markers.get(spelling)
        if token is None:
            raise GenerationFailed(
                f"This model has no token {spelling}, so it cannot read such a prompt. "
                "Choose a model with fill-in-the-middle tokens, or a plain prompt."
            )
        return token

    def _step_back(self, text: str) -> int:
        """How many tokens at the end belong to the last word, which the next letters could change."""
        if not text:
            return 0
        encoding = self._plain.encode(text, add_special_tokens=False)
        words = encoding.word_ids
        if not words:
            return 0
        count = 0
        for word in reversed(words):
            if word != words[-1] or count == _LONGEST_STEP_BACK:
                break
            count += 1
        return count

    def _split(self, tokens: list[int], back: int) -> tuple[list[int], bytes]:
        kept, taken = tokens[: len(tokens) - back], tokens[len(tokens) - back :]
        healed = b"".join(self.bytes_of[t] for t in taken)
        # Without a token for every byte the output could be led into a dead end.
        if not taken or not kept or not self.vocabulary.can_spell(healed):
            return tokens, b""
        return kept, healed

    def _read_chat(self, prompt: ChatPrompt, heal: bool) -> ReadPrompt:
        text, markers = self._render(prompt)
        tokens: list[int] = []
        for piece in _pieces(text, markers):
            tokens.extend(
                self.plain(markers[piece])
                if piece in markers
                else self._tokenizer.encode(piece, add_special_tokens=False)
            )
        healed = b""
        opening = call_opening(prompt.must_call)
        if prompt.prefill:
            tokens = tokens + self.plain(prompt.prefill)
            if heal and not opening:
                tokens, healed = self._split(tokens, self._step_back(prompt.prefill))
        if opening:
            tokens = tokens + list(self._tokenizer.encode(opening, add_special_tokens=False))
        return ReadPrompt(tokens, len(tokens), healed, self._ends, opening)

    def _render(self, prompt: ChatPrompt) -> tuple[str, dict[str, str]]:
        """The template's text, with markers that users spelled replaced by stand-ins (stand-in -> spelling)."""
        if not self._tokenizer.has_chat_template:
            raise GenerationFailed(
                "This model has no chat template, so it cannot hold a conversation. "
                "Choose an instruct model, or use a completion prompt."
            )
        stand_ins: dict[str, str] = {}
        turns = [self._turn(m, stand_ins) for m in prompt.messages]
        tools = [json.loads(t) for t in prompt.tools] or None
        text = self._tokenizer.apply_chat_template(
            turns, tools=tools, add_generation_prompt=True, tokenize=False
        )
        return str(text), {mark: spelling for spelling, mark in stand_ins.items()}

    def _turn(self, message: Message, stand_ins: dict[str, str]) -> dict[str, Any]:
        content = message.content
        for spelling in self._markers:
            if spelling in content:
                mark = stand_ins.setdefault(spelling, f"\ue000{len(stand_ins)}\ue001")
                content = content.replace(spelling, mark)
        turn: dict[str, Any] = {"role": message.role, "content": content}
        if message.name:
            turn["name"] = message.name
        if message.tool_calls:
            turn["tool_calls"] = [
                {"type": "function", "function": {"name": c.name, "arguments": json.loads(c.arguments)}}
                for c in message.tool_calls
            ]
        return turn


def _pieces(text: str, marks: dict[str, str]) -> list[str]:
    """`text` cut so that each stand-in is a piece by itself."""
    pieces = [text]
    for mark in marks:
        cut: list[str] = []
        for piece in pieces:
            if piece in marks:
                cut.append(piece)
                continue
            for i, part in enumerate(piece.split(mark)):
                cut += [mark] if i else []
                cut += [part] if part else []
        pieces = cut
    return pieces


def _without_markers(tokenizer: Any) -> Tokenizer:
    """The same tokenizer knowing no added tokens, so that no spelling can become a marker."""
    backend = tokenizer.backend_tokenizer
    data = json.loads(backend.to_str())
    data["added_tokens"] = []
    data["post_processor"] = None
    data["truncation"] = data["padding"] = None
    return Tokenizer.from_str(json.dumps(data))


def token_bytes(tokenizer: Any) -> list[bytes]:
    """The bytes of each token id; a marker's are its spelling."""
    added = set(tokenizer.get_added_vocab().values())
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    decode = _byte_decoder()
    table: list[bytes] = []
    for token, name in enumerate(names):
        if name is None:
            table.append(b"")
        elif token in added or any(c not in decode for c in name):
            table.append(_sentence_piece(str(name)) if token not in added else str(name).encode())
        else:
            table.append(bytes(decode[c] for c in name))
    return table


def _sentence_piece(name: str) -> bytes:
    """The bytes of a token in the other common notation: ▁ for a space, <0x0A> for a byte."""
    if len(name) == 6 and name.startswith("<0x") and name.endswith(">"):
        return bytes((int(name[3:5], 16),))
    return name.replace("▁", " ").encode()


def _byte_decoder() -> dict[str, int]:
    """The letters of byte-level BPE: printable bytes stand for themselves, the others follow from 256 on."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
