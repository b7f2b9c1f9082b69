"""Asks a server what it is and what it can, and says it in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qwen_lsp.engine.remote.dialects import DIALECTS, Dialect
from qwen_lsp.engine.remote.http import Http
from qwen_lsp.engine.special_tokens import FIM_FAMILY_BY_TOKEN
from qwen_lsp.errors import EngineUnavailable

_FIM_BY_NAME = (
    ("qwen", "qwen"),
    ("codellama", "codellama"),
    ("starcoder", "starcoder"),
    ("deepseek-coder", "deepseek"),
    ("codestral", "codestral"),
    ("codegemma", "codegemma"),
)


@dataclass(frozen=True, slots=True)
class ProbeVerdict:
    """What a server turned out to be."""

    dialect: Dialect
    model: str
    fim: str | None
    context_tokens: int
    models: tuple[str, ...]
    sentence: str


async def probe(http: Http, *, wanted: str, fim: str) -> ProbeVerdict:
    """Look at a server. Raises EngineUnavailable when nobody answers or it refuses the key."""
    status, listed = await http.get("/v1/models", timeout_s=5.0)
    if status in (401, 403):
        raise EngineUnavailable(
            f"{http.base} refuses the key ({status}). Put it into the environment variable "
            "that engine.api_key_env names."
        )
    entries = _entries(listed)
    dialect = DIALECTS[await _kind(http, entries)]
    names = tuple(str(e.get("id", "")) for e in entries)
    model = wanted or (names[0] if names else "")
    entry = next((e for e in entries if e.get("id") == model), entries[0] if entries else {})
    context = await _context_tokens(http, dialect, entry)
    template = fim or _fim_of(model, entry) or await _fim_by_token(http, dialect, model)
    return ProbeVerdict(
        dialect, model, template, context, names, _sentence(http, dialect, model, template, names)
    )


def _entries(listed: Any) -> list[Mapping[str, Any]]:
    data = listed.get("data") if isinstance(listed, Mapping) else None
    return [e for e in data if isinstance(e, Mapping)] if isinstance(data, list) else []


async def _kind(http: Http, entries: list[Mapping[str, Any]]) -> str:
    owners = {str(e.get("owned_by", "")) for e in entries}
    for owner, kind in (("qwen-lsp", "own"), ("vllm", "vllm"), ("llamacpp", "llama.cpp")):
        if owner in owners:
            return kind
    if "library" in owners or await _answers(http, "/api/version"):
        return "ollama"
    if await _answers(http, "/props"):
        return "llama.cpp"
    _, health = await http.get("/health")
    if health == {"status": "ok"} and owners <= {""}:
        return "mlx_lm"
    return "openai"


async def _answers(http: Http, route: str) -> bool:
    status, body = await http.get(route)
    return status == 200 and isinstance(body, Mapping)


async def _context_tokens(http: Http, dialect: Dialect, entry: Mapping[str, Any]) -> int:
    meta = entry.get("meta")
    found = entry.get("max_model_len") or (meta.get("n_ctx_train") if isinstance(meta, Mapping) else None)
    if dialect.name == "llama.cpp":
        _, props = await http.get("/props")
        settings = props.get("default_generation_settings") if isinstance(props, Mapping) else None
        found = (settings.get("n_ctx") if isinstance(settings, Mapping) else None) or found
    return int(found) if isinstance(found, int | float) else 0


def _fim_of(model: str, entry: Mapping[str, Any]) -> str | None:
    told = entry.get("fim")
    if isinstance(told, str):
        return told
    return next((name for piece, name in _FIM_BY_NAME if piece in model.lower()), None)


async def _fim_by_token(http: Http, dialect: Dialect, model: str) -> str | None:
    """Ask the servers that cut texts into tokens on request which marker is one."""
    if not dialect.tokenizes:
        return None
    for marker, name in FIM_FAMILY_BY_TOKEN:
        plain = {"add_special": False, "parse_special": True, "add_special_tokens": False}
        question = {"model": model, "content": marker, "prompt": marker, **plain}
        try:
            _, said = await http.post("/tokenize", question)
        except EngineUnavailable:
            return None  # it is only a look; what is asked for in earnest will tell
        tokens = said.get("tokens") if isinstance(said, Mapping) else None
        if isinstance(tokens, list) and len(tokens) == 1:
            return name
    return None


def _sentence(http: Http, dialect: Dialect, model: str, fim: str | None, names: tuple[str, ...]) -> str:
    said = [f"{dialect.words} at {http.base}", f"model {model or '(its default)'}"]
    if names and model not in names:
        said.append(f"which it does not list (it lists {', '.join(names[:5])})")
    elif len(names) > 1:
        said.append(f"one of {len(names)}")
    said.append(
        f"fill-in-the-middle as {fim}"
        if fim
        else "no fill-in-the-middle known for it (set engine.remote_fim)"
    )
    said.append(f"prompt prefixes kept {dialect.prefix_cache}" if dialect.prefix_cache != "unknown" else "")
    said.append(f"up to {dialect.most_stops} stop texts (we look for the others)")
    return ", ".join(s for s in said if s) + "."
