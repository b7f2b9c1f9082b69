"""Every option once: its default, meaning and unit. File < environment < editor.

A field's comment string below it is its documentation: docs/settings.md and the editors' settings are
generated from here. Environment: QWEN_LSP_<SECTION>_<OPTION>, lists separated by commas.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from qwen_lsp.errors import SettingsError
from qwen_lsp.paths import paths


def option(default: Any, help: str) -> Any:
    """One option: a default and a sentence that says what it does (units are in the name)."""
    if isinstance(default, list | dict):
        return field(default_factory=lambda: default, metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which model answers, and how much it may use."""

    kind: Literal["auto", "local", "remote", "demo", "none"] = option(
        "auto",
        "auto: the shared host, started when needed; local: MLX inside this process; remote: the server at "
        "engine.url; demo: sample programs, no model; none: suggestions from your own code only",
    )
    model: str = option(
        "", "A folder or a Hugging Face name; empty: a model found in the cache, else the starter"
    )
    url: str = option("", "Address of an OpenAI-compatible server, with engine.kind = remote")
    remote_model: str = option("", "Model name sent to the remote server; empty: the first it lists")
    remote_fim: str = option(
        "", "Fill-in-the-middle template of the remote model (qwen, ...); empty: by its name"
    )
    api_key_env: str = option(
        "",
        "Name of the environment variable that holds the remote server's key; without it the system's keyring is asked (service qwen-lsp)",
    )
    allow_elsewhere: bool = option(
        False, "Allow a remote engine that is not on this machine: code will leave it"
    )
    context_tokens: int = option(
        32768, "Longest prompt plus answer, tokens; the model's own limit also holds"
    )
    kv_bytes: int = option(
        0, "Memory for kept prompt prefixes (KV), bytes; 0: an eighth of the machine's memory"
    )
    kv_save: bool = option(False, "Keep prompt prefixes on disk over a restart")
    prompt_lookup: Literal["auto", "off"] = option(
        "auto", "Copy drafts from the prompt to write rewrites faster"
    )
    keep_warm: bool = option(False, "Tiny evaluations while you type, so that an Apple GPU keeps its clock")
    keep_alive_s: float = option(0.0, "Unload the model after this many idle seconds; 0: never")


@dataclass(frozen=True, slots=True)
class HostSettings:
    """The process that holds the model for all windows."""

    address: str = option("127.0.0.1", "Address to listen on; anything but loopback needs a token")
    port: int = option(7860, "Port of the page and the API; 0: any free one")
    idle_exit_s: float = option(900.0, "A host started by an editor leaves after this long unused, seconds")
    page: bool = option(True, "Serve the page beside the API")
    max_restarts: int = option(5, "How often a window restarts a host that keeps dying")


@dataclass(frozen=True, slots=True)
class SuggestSettings:
    """When and what to suggest while you type."""

    enabled: bool = option(True, "Suggest at all")
    automatic: bool = option(True, "Suggest while typing; false: only when asked by key")
    completion_items: Literal["auto", "on", "off"] = option(
        "auto", "Also offer suggestions in the completion list; auto: only where the editor has no ghost text"
    )
    debounce_ms: int = option(75, "Longest wait after a key before asking the model, ms")
    deletion_pause_ms: int = option(350, "How long no key must follow a deletion before it is completed, ms")
    max_tokens: int = option(128, "Longest suggestion, tokens")
    max_lines: int = option(12, "Longest suggestion, lines")
    multiline: Literal["auto", "always", "never"] = option(
        "auto", "Several lines at once; auto: by the syntax"
    )
    temperature: float = option(0.0, "0 is greedy")
    prefetch: bool = option(True, "Prepare the next suggestion while you read this one")
    alternatives: int = option(3, "How many suggestions when asked by key")
    min_confidence: float = option(0.35, "Hide suggestions whose mean token probability is lower, 0..1")
    off_languages: list[str] = option([], "Language ids without suggestions")
    off_paths: list[str] = option([], "Glob patterns of files without suggestions")
    window_tokens: int = option(
        2048, "How much of the file around the cursor the model reads, tokens (about)"
    )
    prefix_lines: int = option(256, "Lines before the cursor in the prompt")
    suffix_lines: int = option(64, "Lines after the cursor in the prompt")


@dataclass(frozen=True, slots=True)
class RecallSettings:
    """Suggestions from your own code, without a model."""

    mode: Literal["off", "cautious", "eager"] = option(
        "cautious",
        "off; cautious: when no model answers or it is very sure; eager: whenever it is sure enough",
    )
    threshold: float = option(0.6, "Show only what is right at least this often, 0..1")
    max_bytes: int = option(150_000_000, "Memory for the index, bytes")
    max_files: int = option(20_000, "Most files to index")


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """Code from other files in the prompt."""

    enabled: bool = option(True, "Show the model code from other files of the workspace")
    max_tokens: int = option(1024, "Budget for it, tokens")
    deadline_ms: int = option(30, "Sources slower than this are left out, ms")
    ignore: list[str] = option(
        [], "More glob patterns never to read; secrets are never read whatever stands here"
    )


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """Code actions."""

    enabled: bool = option(True, "Offer code actions")
    max_tokens: int = option(2048, "Longest answer, tokens")
    temperature: float = option(0.0, "0 is greedy")
    custom: list[dict[str, str]] = option(
        [], "Your own actions: title, prompt (with {code}, {language}, {path}), languages (comma-separated)"
    )


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Running generated code and its tests, contained."""

    enabled: bool = option(True, "Allow generated code to be run, contained, when you ask for it")
    timeout_s: float = option(20.0, "Wall-clock limit of one run, seconds")
    memory_bytes: int = option(1_073_741_824, "Memory limit of one run, bytes")
    output_bytes: int = option(200_000, "Output kept of one run, bytes")
    attempts: int = option(4, "Most rounds of generate, test, fix")
    allow_root: bool = option(False, "Run as root all the same (containers); limits bind root less")


@dataclass(frozen=True, slots=True)
class Settings:
    """All options, by section."""

    engine: EngineSettings = field(default_factory=EngineSettings)
    host: HostSettings = field(default_factory=HostSettings)
    suggest: SuggestSettings = field(default_factory=SuggestSettings)
    recall: RecallSettings = field(default_factory=RecallSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    actions: ActionSettings = field(default_factory=ActionSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)


def load_settings(
    editor: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Settings, list[str]]:
    """The settings in force, and a sentence for each option that was refused (its default stays).

    Raises SettingsError only when the file cannot be read as TOML.
    """
    problems: list[str] = []
    settings = Settings()
    file = file or paths().config / "config.toml"
    settings = merge(settings, _read_file(file), f"{file.name}", problems)
    settings = merge(
        settings,
        _from_environment(os.environ if environment is None else environment),
        "the environment",
        problems,
    )
    return merge(settings, editor or {}, "the editor's settings", problems), problems


def merge(base: Settings, given: Mapping[str, Any], where: str, problems: list[str]) -> Settings:
    """`base` with the given options laid over it; what is refused is named in `problems`."""
    changed: dict[str, Any] = {}
    sections = {f.name: f for f in dataclasses.fields(base)}
    for section, options in given.items():
        if section not in sections:
            problems.append(f"{where}: there is no section '{section}' (there are {', '.join(sections)})")
        elif not isinstance(options, Mapping):
            problems.append(f"{where}: '{section}' must hold options, not {options!r}")
        else:
            changed[section] = _merge_section(
                getattr(base, section), options, f"{where}: {section}", problems
            )
    return dataclasses.replace(base, **changed)


def _merge_section(section: Any, options: Mapping[str, Any], where: str, problems: list[str]) -> Any:
    hints = typing.get_type_hints(type(section))
    changed: dict[str, Any] = {}
    for name, value in options.items():
        if name not in hints:
            problems.append(f"{where}.{name} is not an option (there are {', '.join(hints)})")
            continue
        fitted, expected = _fit(value, hints[name])
        if expected:
            problems.append(f"{where}.{name} must be {expected}, not {value!r}; the default stays")
        else:
            changed[name] = fitted
    return dataclasses.replace(section, **changed)


def _fit(value: Any, hint: Any) -> tuple[Any, str]:
    """The value as the hinted type, or what was expected in words."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        choices = typing.get_args(hint)
        return (value, "") if value in choices else (None, "one of " + ", ".join(map(str, choices)))
    if origin is list:
        return (list(value), "") if isinstance(value, list) else (None, "a list")
    if hint is bool:
        return (value, "") if isinstance(value, bool) else (None, "true or false")
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), ""
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value, ""
    if hint is str and isinstance(value, str):
        return value, ""
    return None, {int: "a whole number", float: "a number", str: "text"}.get(hint, str(hint))


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(
            f"The settings file {file} cannot be read: {error}. Mend or remove it."
        ) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {}
    for section in dataclasses.fields(Settings):
        hints = typing.get_type_hints(type(getattr(Settings(), section.name)))
        for name, hint in hints.items():
            raw = environment.get(f"QWEN_LSP_{section.name}_{name}".upper())
            if raw is not None:
                given.setdefault(section.name, {})[name] = _from_text(raw, hint)
    return given


def _from_text(raw: str, hint: Any) -> Any:
    if hint is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(raw.lower(), raw)
    if typing.get_origin(hint) is list:
        return [item.strip() for item in raw.split(",") if item.strip()]
    if hint in (int, float):
        try:
            return hint(raw)
        except ValueError:
            return raw
    return raw


def options_table() -> list[tuple[str, str, Any, str]]:
    """(name, type, default, meaning) of every option, for the docs and the editors' settings."""
    rows: list[tuple[str, str, Any, str]] = []
    for section in dataclasses.fields(Settings):
        defaults = getattr(Settings(), section.name)
        hints = typing.get_type_hints(type(defaults))
        for f in dataclasses.fields(defaults):
            hint = hints[f.name]
            shown = (
                " | ".join(map(str, typing.get_args(hint)))
                if typing.get_origin(hint) is Literal
                else ("list" if typing.get_origin(hint) is list else hint.__name__)
            )
            rows.append((f"{section.name}.{f.name}", shown, getattr(defaults, f.name), f.metadata["help"]))
    return rows
