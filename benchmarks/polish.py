"""What polishing costs per chunk in a long file, how often it leaves true code alone, and what context costs.

Run all: `python -m benchmarks.polish`. Needs no model and no network.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil

from qwen_lsp.assist.postprocess import Polished, Polisher
from qwen_lsp.code.languages import language_of
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.syntax import LANGUAGES
from qwen_lsp.code.workspace.walk import walk
from qwen_lsp.evaluation.holes import EvaluationHole, punch
from qwen_lsp.metrics import percentile
from qwen_lsp.settings import SuggestSettings

LINES = 5_000
CHUNK = 4
"""Code points in a chunk: about one token."""
SAMPLES = {
    "python": ("def f{n}(a, b):\n    c = [a, {{'k': b}}, {n}]\n    for x in c:\n        print(\"x\", x)\n    return c\n\n", "    "),
    "typescript": ("function f{n}(a: number, b: number) {{\n  const c = [a, {{ k: b }}, {n}];\n  for (const x of c) {{\n    console.log(`x ${{x}}`);\n  }}\n  return c;\n}}\n\n", "  "),
    "go": ("func f{n}(a int, b int) []int {{\n\tc := []int{{a, b, {n}}}\n\tfor _, x := range c {{\n\t\tfmt.Println(\"x\", x)\n\t}}\n\treturn c\n}}\n\n", "\t"),
    "cpp": ("std::vector<int> f{n}(int a, int b) {{\n    std::vector<int> c{{a, b, {n}}};\n    for (int x : c) {{\n        std::cout << \"x\" << x;\n    }}\n    return c;\n}}\n\n", "    "),
}  # fmt: skip
FILES = 50_000


def main() -> None:
    """Print the numbers."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=FILES, help="files in the made-up workspace")
    options.add_argument(
        "--real", type=Path, default=Path(sysconfig.get_paths()["stdlib"]), help="code to leave alone"
    )
    options.add_argument("--real-files", type=int, default=40)
    options.add_argument("--probe", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--index", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.probe:
        print(json.dumps(asyncio.run(_probe(given.probe, given.index))))
        return
    polishing()
    leaving_alone(given.real, given.real_files)
    context(given.files)


def polishing() -> None:
    """Time of one chunk, with a suggestion that runs as long as the rules let it."""
    for language, (sample, blanks) in SAMPLES.items():
        unit = sample.format(n=1)
        text = "".join(sample.format(n=n) for n in range(LINES // unit.count("\n") + 1))
        at = text.index("f" + str(LINES // unit.count("\n") // 2) + "(")
        cursor = text.index("\n", at) + 1
        snapshot = Snapshot("file:///a", language, 1, text[:cursor] + blanks + "\n" + text[cursor:])
        answer = _long_answer(language, blanks)
        chunks, begins = [], []
        for _ in range(20):
            before = time.perf_counter()
            polisher = Polisher(
                snapshot, cursor + len(blanks), replace(SuggestSettings(), max_lines=60), multiline=True
            )
            begins.append(time.perf_counter() - before)
            for piece in (answer[i : i + CHUNK] for i in range(0, len(answer), CHUNK)):
                before = time.perf_counter()
                enough = polisher.feed(piece)
                chunks.append(time.perf_counter() - before)
                if enough:
                    break
        print(
            f"polish {language:11} {snapshot.line_of(len(text)):5} lines  chunk p50 {_ms(chunks, 0.5)} p95 {_ms(chunks, 0.95)} "
            f"p99 {_ms(chunks, 0.99)} ms  begin p50 {_ms(begins, 0.5)} ms  ({len(chunks) // 20} chunks)"
        )


def _long_answer(language: str, blanks: str) -> str:
    end = "" if language in ("python", "go") else ";"
    lines = [f'call{n}(value{n}, [{n}, "text{n}"], other(({n}))){end}' for n in range(40)]
    return f"\n{blanks}".join(lines)


def leaving_alone(folder: Path, files: int) -> None:
    """A model that knows the answer, and one that knows it and goes on: how often exactly the hole is filled."""
    paths = [p for p in walk([folder], lambda path: "test" in path.name) if language_of(p) in LANGUAGES]
    random.Random(0).shuffle(paths)
    counts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for hole in _holes(paths[:files]):
        rest = hole.snapshot.text[hole.at :][:1500]
        for name, raw in (("stops by itself", hole.text), ("goes on and on", hole.text + rest)):
            counts[hole.kind, name].append(_filled_exactly(hole, raw))
    for (kind, name), exact in sorted(counts.items()):
        print(
            f"true code  {kind:6} {name:16} {sum(exact):4} of {len(exact):4} kept exactly ({sum(exact) / len(exact):.1%})"
        )


def _holes(paths: list[Path]) -> Iterator[EvaluationHole]:
    for path in paths:
        text = path.read_text("utf-8", "replace")
        if 200 < len(text) < 200_000:
            yield from punch(path, text, str(language_of(path)))


def _filled_exactly(hole: EvaluationHole, raw: str) -> bool:
    settings = replace(SuggestSettings(), max_lines=60)
    polisher = Polisher(hole.snapshot, hole.at, settings, multiline=hole.kind != "line")
    for at in range(0, len(raw), CHUNK):
        if polisher.feed(raw[at : at + CHUNK]):
            break
    outcome = polisher.result()
    if not isinstance(outcome, Polished):
        return False
    return _lines(hole.filled(outcome.text, outcome.end)) == _lines(hole.whole)


def context(files: int) -> None:
    """First suggestion and memory, in an empty folder and beside many files; each in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        empty, full = Path(folder) / "empty", Path(folder) / "full"
        empty.mkdir()
        _make_workspace(full, files)
        first: dict[Path, list[float]] = {empty: [], full: []}
        for _ in range(9):
            for root in (empty, full):
                first[root].append(_run_probe(root)["first_ms"])
        medians = [statistics.median(first[root]) for root in (empty, full)]
        print(
            f"context    first suggestion: empty folder {medians[0]:.1f} ms, {files} files {medians[1]:.1f} ms, "
            f"ratio {medians[1] / medians[0]:.2f} (medians of 9)"
        )
        done = _run_probe(full, index=True)
        print(
            f"context    {files} files: {done['files']:.0f} indexed, {done['symbols']:.0f} symbols in {done['seconds']:.1f} s in the "
            f"background; process {done['rss_mb']:.0f} MB, of it {done['rss_mb'] - done['rss_before_mb']:.0f} MB for the index"
        )


def _run_probe(root: Path, *, index: bool = False) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.polish",
        "--probe",
        str(root),
        *(["--index"] if index else []),
    ]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    numbers: dict[str, float] = json.loads(out.stdout)
    return numbers


async def _probe(root: Path, index: bool) -> dict[str, float]:
    """In a fresh process: the first suggestion through the assistant, with an engine that costs nothing."""
    from qwen_lsp.assist.completion.assistant import Assistant
    from qwen_lsp.assist.context import Context
    from qwen_lsp.assist.suggestion import CompletionRequest
    from qwen_lsp.engine.stubs.scripted import ScriptedEngine
    from qwen_lsp.settings import Settings

    text = "from module_7 import helper_7\n\n\ndef main():\n    value = helper_7(1)\n    \n"
    snapshot = Snapshot((root / "main.py").as_uri(), "python", 1, text)
    rss = psutil.Process().memory_info().rss / 1e6
    before = time.perf_counter()
    workspace = Context(Settings().context, [root])
    assistant = Assistant(ScriptedEngine("return value + 1\n"), Settings(), context=workspace)
    assistant.opened(snapshot)
    answer = await assistant.complete(CompletionRequest(snapshot, len(text) - 1))
    first_ms = (time.perf_counter() - before) * 1000
    if not answer.suggestions:
        raise RuntimeError(f"no suggestion: {answer.reason}")
    numbers = {"first_ms": first_ms}
    if index:
        await workspace.wait_until_indexed(900)
        files, symbols = workspace.indexed
        numbers |= {"files": files, "symbols": symbols, "seconds": time.perf_counter() - before}
        numbers |= {"rss_mb": psutil.Process().memory_info().rss / 1e6, "rss_before_mb": rss}
    await assistant.close()
    return numbers


def _make_workspace(root: Path, files: int) -> None:
    body = "".join(f"    step_{n} = argument + {n}\n" for n in range(12))
    for number in range(files):
        folder = root / f"part_{number // 200}"
        if number % 200 == 0:
            folder.mkdir(parents=True)
        code = f"import os\n\n\ndef helper_{number}(argument):\n{body}    return step_1\n\n\nclass Thing{number}:\n    def run(self):\n        return helper_{number}(1)\n"
        (folder / f"module_{number}.py").write_text(code, "utf-8")


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _ms(seconds: list[float], share: float) -> str:
    return f"{1000 * (percentile(seconds, share) or 0):.2f}"


if __name__ == "__main__":
    main()
