"""`qwen-lsp doctor`: what is here, what is missing, and what to do next, in words."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from qwen_lsp import __version__
from qwen_lsp.errors import QwenLspError
from qwen_lsp.paths import paths
from qwen_lsp.settings import Settings
from qwen_lsp.sizes import size_in_words

TRACE_FILE = "traces.jsonl"
_GIB = 1024**3
_REAL_MODEL_BYTES = 17_200_000_000
_EDITORS = ("nvim", "code", "emacs", "hx", "zed", "subl", "vim")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the report."""

    mark: Literal["ok", "note", "problem"]
    about: str
    words: str

    def line(self) -> str:
        """As it is printed."""
        sign = {"ok": "✓", "note": "·", "problem": "✗"}[self.mark]
        return f" {sign} {self.about:<10} {self.words}"


async def examine(settings: Settings) -> int:
    """Print everything worth knowing; 1 when something is wrong."""
    print(f"qwen-lsp {__version__}")
    wrong = False
    for finding in _findings(settings):
        print(finding.line())
        wrong = wrong or finding.mark == "problem"
    for finding in await _host(settings):
        print(finding.line())
    return 1 if wrong else 0


def _findings(settings: Settings) -> Iterator[Diagnosis]:
    yield _machine()
    yield _mlx()
    yield from _model(settings)
    yield _folder("cache", paths().cache)
    yield _folder("data", paths().data)
    yield _editors()


def _machine() -> Diagnosis:
    memory = psutil.virtual_memory().total
    words = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {size_in_words(memory)} memory"
    if memory * 0.75 < _REAL_MODEL_BYTES:
        return Diagnosis(
            "note", "machine", f"{words}: too little for the real model (17 GB), enough for the starter"
        )
    return Diagnosis("ok", "machine", words)


def _mlx() -> Diagnosis:
    try:
        versions = " and ".join(f"{p} {importlib.metadata.version(p)}" for p in ("mlx", "mlx-lm"))
    except importlib.metadata.PackageNotFoundError as error:
        return Diagnosis(
            "problem",
            "mlx",
            f"{error.name} is not installed: pip install mlx-lm, or use engine.kind = demo or remote",
        )
    return Diagnosis("ok", "mlx", versions)


def _model(settings: Settings) -> Iterator[Diagnosis]:
    from qwen_lsp.engine.models.local import DEFAULT_MODEL, choose_model
    from qwen_lsp.starter.build import is_built, starter_folder

    if settings.engine.kind in ("remote", "demo", "none"):
        yield Diagnosis("note", "model", f"engine.kind is {settings.engine.kind}: no model is loaded here")
        return
    try:
        choice = choose_model(settings.engine.model)
    except QwenLspError as error:
        yield Diagnosis("problem", "model", str(error))
        return
    if choice.folder is None:
        state = "built" if is_built(starter_folder()) else "built at the first start, in up to three minutes"
        yield Diagnosis(
            "note", "model", f"the starter ({state}): it knows a handful of sample programs and nothing else"
        )
        yield Diagnosis("note", "", f"the real model: qwen-lsp pull   ({DEFAULT_MODEL}, 17 GB, asks first)")
        return
    where = "" if Path(choice.name) == choice.folder else f" in {choice.folder}"
    kind = " (a starter: it knows a handful of sample programs)" if is_built(choice.folder) else ""
    yield Diagnosis("ok", "model", f"{choice.name}{where}{kind}")


def _folder(about: str, folder: Path) -> Diagnosis:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Diagnosis(
            "problem", about, f"{folder} cannot be written ({error.strerror}): mend it or set QWEN_LSP_HOME"
        )
    return Diagnosis("ok", about, f"{folder}, {size_in_words(shutil.disk_usage(folder).free)} free")


def _editors() -> Diagnosis:
    found = [e for e in _EDITORS if shutil.which(e)]
    if not found:
        return Diagnosis("note", "editors", "none found on PATH; see editors/ for each one's configuration")
    return Diagnosis("ok", "editors", f"{', '.join(found)}; configuration in editors/")


async def _host(settings: Settings) -> list[Diagnosis]:
    from qwen_lsp.host.commands import running_sentence

    sentence = await running_sentence()
    if sentence is None:
        return [Diagnosis("note", "host", "not running: `qwen-lsp serve` starts it, and so does your editor")]
    return [Diagnosis("ok", "host", sentence)]


def show_traces(count: int = 40) -> int:
    """The last suggestions of all windows: source, counts, times and, where silent, why."""
    rows = list(_last_traces(count))
    if not rows:
        print("No suggestion was asked for yet.")
        return 0
    print(
        f"{'when':8} {'source':13} {'prompt':>6} {'cached':>6} {'read':>5} {'wrote':>5} {'first':>7} {'total':>7}  why"
    )
    for row in rows:
        first = row.get("first_token_ms")
        shown = "" if first is None else f"{first:.0f} ms"
        clock = time.strftime("%H:%M:%S", time.localtime(float(row["at_s"])))
        print(
            f"{clock:8} {row['source']:13} {row['prompt_tokens']:>6} {row['cached_tokens']:>6} "
            f"{row['prefilled_tokens']:>5} {row['generated_tokens']:>5} {shown:>7} {row['total_ms']:>4.0f} ms  "
            f"{row['reason']}"
        )
    return 0


def _last_traces(count: int) -> Iterable[dict[str, Any]]:
    file = paths().cache / TRACE_FILE
    if not file.is_file():
        return []
    lines = file.read_text("utf-8", errors="replace").splitlines()[-count:]
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def show_stats() -> int:
    """What was shown, accepted and dismissed, per language and day; kept on this machine only."""
    from qwen_lsp.storage.acceptance_stats import Stats

    print(Stats.open().table())
    return 0


def erase_stats() -> int:
    """Erase the statistics."""
    from qwen_lsp.storage.acceptance_stats import Stats

    Stats.open().erase()
    print("The statistics are erased.", file=sys.stderr)
    return 0
