"""The JSON bodies the API takes. What we cannot do is refused by name, not ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Body(BaseModel):
    """Sampling and limits shared by both routes."""

    model_config = ConfigDict(extra="ignore")

    model: str | None = Field(None, description="Ignored: the loaded model answers")
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    temperature: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] | None = Field(
        None, description="0 (greedy) when left out"
    )
    top_p: Share | None = None
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] | None = None
    min_p: Share | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: str | list[str] | None = Field(None, description="Up to 64 texts")
    n: Annotated[int, Field(ge=1, le=8)] | None = 1
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None

    qwen_lsp: bool = Field(False, description="Answer with our own lossless events")
    lane: Literal["inline", "action", "chat", "warm"] | None = None
    supersedes: str | None = None
    heal: bool = False
    experts: bool = False
    drafts: list[str] = []
    alternatives: Annotated[int, Field(ge=0, le=20)] = 0
    warm: bool = False
    id: str = ""

    @model_validator(mode="after")
    def _refuse(self) -> Body:
        for name in ("frequency_penalty", "presence_penalty", "logit_bias"):
            if getattr(self, name):
                raise ValueError(f"{name} is not supported here; leave it out (repetition_penalty is)")
        if len(self.stops()) > 64:
            raise ValueError("at most 64 stop texts")
        return self

    def stops(self) -> tuple[str, ...]:
        """The stop texts as a tuple."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(s for s in given if s)

    def wants_usage(self) -> bool:
        """Whether the stream should end with usage."""
        return bool((self.stream_options or {}).get("include_usage"))


class CompletionBody(Body):
    """POST /v1/completions."""

    prompt: str | list[str] | None = Field(
        None, description="Markers such as <|fim_prefix|> are read as markers"
    )
    suffix: str | None = Field(
        None, description="The text after the hole; the model's own markers are put in"
    )
    prompt_parts: list[dict[str, str]] | None = Field(None, description="Words and markers told apart")
    max_tokens: Count | None = 128
    logprobs: Annotated[int, Field(ge=0, le=20)] | bool | None = None
    echo: bool | None = False
    best_of: int | None = None

    @model_validator(mode="after")
    def _refuse_completion(self) -> CompletionBody:
        if self.echo:
            raise ValueError("echo is not supported; leave it out")
        if (self.best_of or 1) > (self.n or 1):
            raise ValueError("best_of above n is not supported; leave it out")
        if isinstance(self.prompt, list) and len(self.prompt) != 1:
            raise ValueError("send one prompt per request")
        if (self.prompt is None) == (self.prompt_parts is None):
            raise ValueError("give either prompt or prompt_parts")
        return self

    def text(self) -> str:
        """The prompt as one text."""
        return self.prompt[0] if isinstance(self.prompt, list) else self.prompt or ""


class ChatMessage(BaseModel):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class ChatBody(Body):
    """POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    logprobs: bool | None = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    response_format: dict[str, Any] | None = None
    prefill: str = ""

    @model_validator(mode="after")
    def _refuse_chat(self) -> ChatBody:
        wanted = (self.response_format or {}).get("type", "text")
        if wanted != "text":
            raise ValueError(
                f"response_format {wanted!r} is not supported: the model cannot be held to a format. "
                "Ask for it in words and check what comes"
            )
        return self


class InfillBody(BaseModel):
    """POST /infill and /completion, as llama.cpp's server takes them."""

    model_config = ConfigDict(extra="ignore")

    prompt: str | None = ""
    input_prefix: str | None = ""
    input_suffix: str | None = ""
    input_extra: list[dict[str, Any]] | None = None
    n_predict: Annotated[int, Field(ge=-2, le=1_000_000)] | None = None
    n_indent: Count | None = 0
    t_max_predict_ms: Annotated[float, Field(allow_inf_nan=False)] | None = 0
    n_cmpl: Annotated[int, Field(ge=1, le=8)] | None = 1
    temperature: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    repeat_penalty: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: list[str] | None = None
    stream: bool | None = False
    cache_prompt: bool | None = True
    response_fields: list[str] | None = None
