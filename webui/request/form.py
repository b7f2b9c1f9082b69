"""What the Generate form holds: defaults, limits, and how it travels in the address and in preset files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qwen_lsp.engine.request import EngineInfo, Sampling
from webui.gradio_types import Json
from webui.request.target_languages import AS_IS, LANGUAGES

MODES = ("generate", "complete")
LIMITS: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 2.0),
    "max_tokens": (1, 65536),
    "top_p": (0.0, 1.0),
    "top_k": (0, 200),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.5, 2.0),
}


@dataclass(frozen=True, slots=True)
class Form:
    """All settings of one request; the numbers are those the model's makers advise."""

    language: str = "Python"
    mode: str = "generate"
    temperature: float = 0.7
    max_tokens: int = 1024
    top_p: float = 0.8
    top_k: int = 20
    min_p: float = 0.0
    repetition_penalty: float = 1.05
    seed: int | None = None
    stop_texts: str = ""
    system: str = ""

    @property
    def sampling(self) -> Sampling:
        """The part the engine draws tokens by."""
        return Sampling(
            temperature=self.temperature,
            top_p=self.top_p or 1.0,
            top_k=self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            seed=self.seed,
        )

    @property
    def stop(self) -> tuple[str, ...]:
        """Stop texts, one a line; \\n and \\t may be spelled out."""
        lines = (line.replace("\\n", "\n").replace("\\t", "\t") for line in self.stop_texts.splitlines())
        return tuple(line for line in lines if line)


NAMES: tuple[str, ...] = tuple(f.name for f in dataclasses.fields(Form))


def defaults(info: EngineInfo) -> Form:
    """The form to start with; the starter model recites, so it is asked greedily."""
    if info.is_starter:
        return Form(temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0)
    return Form()


def read(values: Mapping[str, Any], base: Form | None = None) -> Form:
    """A form from text or JSON values; what is unknown or out of range is left at `base`."""
    base = base or Form()
    accepted: dict[str, Any] = {}
    for name in NAMES:
        if name in values:
            value = _accept(name, values[name])
            if value is not _REFUSED:
                accepted[name] = value
    return dataclasses.replace(base, **accepted)


def write(form: Form) -> Json:
    """The form as JSON values, whole."""
    return dataclasses.asdict(form)


_REFUSED = object()


def _accept(name: str, value: Any) -> Any:
    if name == "language":
        return value if value in LANGUAGES or value == AS_IS else _REFUSED
    if name == "mode":
        return value if value in MODES else _REFUSED
    if name in ("stop_texts", "system"):
        return value if isinstance(value, str) else _REFUSED
    if name == "seed" and (value is None or value == ""):
        return None
    return _number(name, value)


def _number(name: str, value: Any) -> Any:
    whole = name in ("max_tokens", "top_k", "seed")
    try:
        number = float(value)
        low, high = LIMITS.get(name, (0, 2**63 - 1))
        if isinstance(value, bool) or not low <= number <= high:
            return _REFUSED
        return int(number) if whole else number
    except (TypeError, ValueError, OverflowError):
        return _REFUSED
