"""What a keystroke costs: real keys through the real language server, beside mlx_lm.server in the same run.

`python -m benchmarks.keystrokes [--keys 2000] [--files 20] [--engine auto] [--model FOLDER]`. Without a model,
random weights in the real layout: 4-bit Qwen3-MoE, 128 wide, 4 layers, 8 experts, top-2.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks.keystroke_script import Key, Script, scripts, source_files
from benchmarks.keystroke_theirs import Anchored, Theirs, mlx_lm_server, ordinary
from benchmarks.keystroke_window import Asked, Window, play
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.metrics import percentile

ANSWER_TOKENS = 16
_THEIRS_ORDINARY_KEYS, _THEIRS_ANCHORED_KEYS = 60, 300
_LEARNT_FROM_FILES = 120
_LONG_LINES, _SHORT_LINES, _GROWTH_KEYS = 100_000, 500, 60


@dataclass
class Costs:
    """Latencies and prefilled tokens of many questions."""

    name: str
    ms: list[float] = field(default_factory=list)
    prefilled: list[float] = field(default_factory=list)
    generated: list[float] = field(default_factory=list)

    def line(self) -> str:
        """One row of the table."""
        at = [f"{percentile(self.ms, share) or 0:8.1f}" for share in (0.5, 0.95, 0.99)]
        tokens = [f"{percentile(self.prefilled, share) or 0:7.0f}" for share in (0.5, 0.95, 0.99)]
        mean = sum(self.prefilled) / max(1, len(self.prefilled))
        wrote = f"{sum(self.generated) / len(self.generated):6.1f}" if self.generated else f"{'':6}"
        return f"{self.name:44} {len(self.ms):6} {''.join(at)}   {mean:8.2f} {''.join(tokens)} {wrote}"


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-bench-") as folder:
        home = Path(folder)
        model = options.model or _random_model(home / "model")
        began = time.monotonic()
        made = scripts(options.files, options.keys)
        asked, grown, through = _ours(home, model, options.engine, made)
        with mlx_lm_server(model) as url:
            theirs = _theirs(Theirs(url, model, ANSWER_TOKENS), made)
        _print(options, made, asked, grown, through, theirs, time.monotonic() - began)


# Ours


def _ours(
    home: Path, model: Path, engine: str, made: Sequence[Script]
) -> tuple[list[Asked], dict[str, Costs], list[Asked]]:
    environment = {
        "QWEN_LSP_ENGINE_MODEL": str(model),
        "QWEN_LSP_SUGGEST_DEBOUNCE_MS": "0",
        "QWEN_LSP_SUGGEST_MAX_TOKENS": str(ANSWER_TOKENS),
        "QWEN_LSP_SUGGEST_MIN_CONFIDENCE": "0",
        "QWEN_LSP_RECALL_MODE": "off",
        "QWEN_LSP_HOST_PORT": "0",
        "QWEN_LSP_HOST_PAGE": "false",
    }
    window = Window(home, engine, environment)
    try:
        window.wait_until_ready()
        asked = [one for script in made for one in play(window, script)]
        through = _typed_through(window, made)
        ends = {lines: _at_the_end_of(window, lines) for lines in (_SHORT_LINES, _LONG_LINES)}
        traces = window.traces()
    finally:
        window.close()
        _stop_host(home)
    for one, trace in zip([*asked, *through, *itertools.chain(*ends.values())], traces, strict=True):
        one.trace = trace
    return asked, {f"{lines:,} lines": _to_first_token(lines, ends[lines]) for lines in ends}, through


def _typed_through(window: Window, made: Sequence[Script]) -> list[Asked]:
    """Whenever something is shown, its first line is typed key by key."""
    typed: list[Asked] = []
    for script in made:
        window.open(script.text, script.cursor)
        shown = window.ask(Key("jump"))
        typed.append(shown)
        line = str(shown.items[0]["insertText"]).partition("\n")[0] if shown.items else ""
        for char in line[:-1]:
            window.edit(window.cursor, window.cursor, char)
            typed.append(window.ask(Key("accept", char)))
    return typed


def _at_the_end_of(window: Window, lines: int) -> list[Asked]:
    text = "".join(f"value_{n} = compute({n}, other_{n % 7})\n" for n in range(lines))
    window.open(text, len(text))
    asked = [window.ask(Key("jump"))]
    for char in ("result = value_1 + compute(2, other_3)\n" * 4)[:_GROWTH_KEYS]:
        window.edit(window.cursor, window.cursor, char)
        asked.append(window.ask(Key("type", char)))
    return asked


def _to_first_token(lines: int, asked: Sequence[Asked]) -> Costs:
    """As the editor feels it, but to the first token: how much is written depends on the text, not on its length."""
    costs = Costs(f"to the first token at the end of {lines:,} lines")
    for one in asked[1:]:
        trace = one.trace or {}
        if trace.get("first_token_ms") is not None:
            costs.ms.append(one.ms - trace["total_ms"] + trace["first_token_ms"])
            costs.prefilled.append(trace["prefilled_tokens"])
    return costs


def _stop_host(home: Path) -> None:
    import os
    import sys

    command = [sys.executable, "-m", "qwen_lsp", "serve", "--stop"]
    subprocess.run(command, env={**os.environ, "QWEN_LSP_HOME": str(home)}, capture_output=True, timeout=60)


# Theirs


def _theirs(server: Theirs, made: Sequence[Script]) -> dict[str, Costs]:
    plain = Costs("mlx_lm.server, ordinary layout")
    anchored = Costs("mlx_lm.server, our anchored layout")
    for script, share in ((s, 1 / len(made)) for s in made):
        _type(server, script, plain, int(_THEIRS_ORDINARY_KEYS * share) or 1, anchored=False)
        _type(server, script, anchored, int(_THEIRS_ANCHORED_KEYS * share) or 1, anchored=True)
    return {"ordinary": plain, "anchored": anchored}


def _type(server: Theirs, script: Script, costs: Costs, keys: int, *, anchored: bool) -> None:
    """Type the first keys of a script; the cold start is not counted."""
    ours = Anchored()
    snapshot, cursor = Snapshot("file:///a.py", "python", 1, script.text), script.cursor
    server.ask(ours.prompt(snapshot, cursor) if anchored else ordinary(snapshot, cursor))
    for key in [k for k in script.keys if k.kind == "type"][:keys]:
        text = snapshot.text[:cursor] + key.text + snapshot.text[cursor:]
        ours.edited(Edit(cursor, cursor, key.text))
        snapshot, cursor = Snapshot("file:///a.py", "python", 1, text), cursor + 1
        ms, read = server.ask(ours.prompt(snapshot, cursor) if anchored else ordinary(snapshot, cursor))
        costs.ms.append(ms)
        costs.prefilled.append(read)
        costs.generated.append(ANSWER_TOKENS)


# The table


def _print(
    options: argparse.Namespace,
    made: Sequence[Script],
    asked: Sequence[Asked],
    grown: dict[str, Costs],
    through: Sequence[Asked],
    theirs: dict[str, Costs],
    seconds: float,
) -> None:
    keys = sum(len(s.keys) for s in made)
    print(f"{keys} keys over {len(made)} files, {ANSWER_TOKENS} tokens an answer, {seconds:.0f} s")
    print(
        f"{platform.machine()}, Python {platform.python_version()}, mlx {version('mlx')}, mlx-lm {version('mlx-lm')}"
    )
    print(
        f"model: {options.model or 'random weights, 4-bit Qwen3-MoE, 128 wide, 4 layers, 8 experts, top-2'}\n"
    )
    print(
        f"{'':44} {'asked':>6} {'p50':>8}{'p95':>8}{'p99':>8}   {'prefill':>8} {'p50':>7}{'p95':>7}{'p99':>7}  wrote"
    )
    forward = _reached(asked, ("type",), "ours, typing forward")
    full = Costs("ours, typing forward, full answers only")
    for ms, read, wrote in zip(forward.ms, forward.prefilled, forward.generated, strict=True):
        if wrote >= ANSWER_TOKENS - 1:
            full.ms.append(ms)
            full.prefilled.append(read)
            full.generated.append(wrote)
    rows = [
        forward,
        full,
        _reached(asked, ("slip", "erase", "accept"), "ours, slips and accepts"),
        _reached(asked, ("jump", "return"), "ours, jumps (first question in a file included)"),
        _costs(asked, "ours, all questions, silent ones too"),
        *theirs.values(),
        *grown.values(),
    ]
    for row in rows:
        print(row.line())
    _print_ratios(forward, full, theirs, grown, through)


def _print_ratios(
    forward: Costs, full: Costs, theirs: dict[str, Costs], grown: dict[str, Costs], through: Sequence[Asked]
) -> None:
    print()
    for costs in theirs.values():
        for ours in (forward, full):
            shares = [(percentile(ours.ms, s) or 0) / (percentile(costs.ms, s) or 1) for s in (0.5, 0.95)]
            print(f"{ours.name} / {costs.name}: {shares[0]:.3f} at p50, {shares[1]:.3f} at p95")
    short, long = (percentile(costs.ms, 0.5) or 1 for costs in grown.values())
    print(f"growth, {_LONG_LINES:,} lines over {_SHORT_LINES}, to the first token: {long / short:.2f} at p50")
    keys = [one for one in through if one.key.kind == "accept"]
    free = [one for one in keys if one.trace and one.trace["source"] in ("typed-through", "prefetched")]
    inside = percentile([one.trace["total_ms"] for one in free if one.trace], 0.95)
    print(
        f"typing what is shown: {len(free)} of {len(keys)} keys without the engine, p95 {inside or 0:.2f} ms in the server"
    )


def _reached(asked: Sequence[Asked], kinds: Sequence[str], name: str) -> Costs:
    """Of these keys, those whose question went to the engine."""
    return _costs([a for a in asked if a.key.kind in kinds and a.trace and a.trace["prompt_tokens"]], name)


def _costs(asked: Sequence[Asked], name: str) -> Costs:
    costs = Costs(name)
    for one in asked:
        trace = one.trace or {}
        costs.ms.append(one.ms)
        costs.prefilled.append(trace.get("prefilled_tokens", 0))
        costs.generated.append(trace.get("generated_tokens", 0))
    return costs


def _random_model(folder: Path) -> Path:
    from benchmarks.keystroke_model import write_benchmark_model

    learnt_from = source_files(_LEARNT_FROM_FILES)
    return write_benchmark_model(folder, [f.read_text("utf-8", errors="replace") for f in learnt_from])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--engine", default="auto", choices=["auto", "local"])
    parser.add_argument("--model", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
