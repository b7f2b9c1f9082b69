"""What an engine is asked, and what it says back. Plain frozen values; imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal


class Lane(IntEnum):
    """Who goes first when several wait; lower goes first."""

    INLINE = 0
    ACTION = 1
    CHAT = 2
    WARM = 3


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the user or of ours: tokenised as plain text, even where they spell a marker."""

    text: str


@dataclass(frozen=True, slots=True)
class Marker:
    """One special token, by its spelling, such as `<|fim_prefix|>`."""

    token: str


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """A raw prompt in ordered parts, the stable ones first so that prefixes can be reused.

    Each part is tokenised by itself: a part's tokens never depend on its neighbours.
    """

    parts: tuple[Text | Marker, ...]

    def render(self) -> str:
        """The prompt as one string, for engines that take only strings."""
        return "".join(p.text if isinstance(p, Text) else p.token for p in self.parts)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asked for; arguments as a JSON object's text."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """A conversation; the engine applies the model's own chat template.

    `prefill` is put at the start of the assistant's answer and is not repeated in the output.
    `tools` are JSON-schema texts as the chat template wants them.
    `must_call` names the tool the answer has to call, "" for any of them, None to leave it to the model;
    the answer's text then begins with the call.
    """

    messages: tuple[Message, ...]
    prefill: str = ""
    tools: tuple[str, ...] = ()
    must_call: str | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. temperature 0 is greedy; 0 / 1.0 / None mean "off" elsewhere."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of an engine."""

    prompt: TextPrompt | ChatPrompt
    max_tokens: int = 128
    sampling: Sampling = field(default_factory=Sampling)
    stop: tuple[str, ...] = ()
    """Matched on text, also across tokens; the stop text itself is not returned."""
    lane: Lane = Lane.CHAT
    supersedes: str | None = None
    """A newer request with the same key ends the older one with Finish('abort')."""
    heal: bool = False
    """The prompt may end inside a token: step back and let the output begin with what was taken back.
    The part already typed is not returned again."""
    n: int = 1
    """How many answers from one prefill; chunks carry their `index`."""
    logprobs: int = 0
    """How many alternatives to report per token; 0 still reports the chosen token's own log-probability."""
    experts: bool = False
    """Report which experts each token used (MLX engine only; others leave it empty)."""
    drafts: tuple[str, ...] = ()
    """Texts the answer may copy from (prompt lookup); the prompt itself is always one."""
    id: str = ""
    """For logs and traces; need not be unique."""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token. `experts[layer]` lists the experts used, best first."""

    id: int
    text: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...] = ()
    experts: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """How far the prompt has been read."""

    done_tokens: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The one ending of a request.

    stop: the model ended it or a stop text was met (`stop_text`); length: max_tokens;
    abort: the caller left, or a newer request took its place (`detail`).
    Failures are raised as EngineError, not reported here.
    """

    reason: Literal["stop", "length", "abort"]
    detail: str = ""
    stop_text: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request cost. Counts are tokens; `forwards` are model calls; None where an engine cannot say."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    prefilled_tokens: int = 0
    generated_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    forwards: int = 0
    queue_ms: float = 0.0
    first_token_ms: float | None = None
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. Text comes in order per `index`; the last chunk of an index has `finish`.

    `usage` comes with the finish of the last index to end; an inline request may also bear what is known
    with its first tokens, since its reader often leaves before the end.
    """

    text: str = ""
    tokens: tuple[Token, ...] = ()
    index: int = 0
    progress: PrefillProgress | None = None
    finish: Finish | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The numbers of a loaded model, for the architecture picture and the memory guard."""

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    experts: int
    experts_per_token: int
    vocabulary: int
    context_tokens: int
    parameters: int
    active_parameters: int
    weight_bytes: int
    kv_bytes_per_token: int
    quantisation: tuple[tuple[str, str], ...] = ()
    """(part, how), such as ("experts", "4 bits, groups of 64")."""


State = Literal["loading", "ready", "failed", "none"]
"""How an engine is doing."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine is and how it is doing."""

    kind: str
    """mlx, remote, demo or none"""
    model: str
    state: State
    detail: str = ""
    """One sentence for the user: what it is, what it waits for, or why it failed and what to do."""
    progress: float | None = None
    """0..1 while loading or building, when known"""
    seconds_left: float | None = None
    is_starter: bool = False
    fim: str | None = None
    """Name of the fill-in-the-middle template (assist/prompts/fim.py), or None when the model has none."""
    context_tokens: int = 0
    local: bool = True
    """False when code leaves this machine."""
    shape: ModelShape | None = None
    load: tuple[tuple[str, float], ...] = ()
    """Gauges: queue depths, KV bytes and tokens, memory bytes active and peak."""
