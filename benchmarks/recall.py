"""Recall on real packages: how often it offers, how often it is right, whether its confidence is true, how fast.

Places are drawn with a fixed seed, 60 tokens around each are left out. Python packages are those installed beside
us; JavaScript, TypeScript, Go and Rust come from the npm registry and Debian's packages by their own clients.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qwen_lsp.assist.recall.builder import Builder
from qwen_lsp.assist.recall.calibrate import LEFT_OUT_TOKENS, calibrate, random_places
from qwen_lsp.assist.recall.confidence import Calibration
from qwen_lsp.assist.recall.language_index import LanguageIndex, QueryPosition, far_from
from qwen_lsp.assist.recall.lexer import BORDER, NEWLINE, LexerVocabulary
from qwen_lsp.assist.recall.recall import CALIBRATION_PLACES
from qwen_lsp.assist.recall.token_runs import TokenBlock
from qwen_lsp.code.workspace.walk import WalkLimits, walk
from qwen_lsp.metrics import percentile
from qwen_lsp.paths import paths

PYTHON = ("asyncio", "email", "mlx_lm", "gradio", "starlette", "pygls", "httpx", "rich", "click", "pip")
NPM = {"javascript": ("express", "lodash", "three"), "typescript": ("rxjs", "zod")}
DEBIAN = {
    "go": ("golang-github-spf13-cobra-dev", "golang-golang-x-tools-dev"),
    "rust": ("librust-tokio-dev",),
}
THRESHOLD = 0.6


@dataclass
class Outcome:
    """What happened at the places of one package."""

    places: int = 0
    offered: int = 0
    exact: int = 0
    lines_offered: int = 0
    lines_kept: int = 0
    times_ms: list[float] = field(default_factory=list)
    stated: list[tuple[float, bool]] = field(default_factory=list)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--places", type=int, default=600)
    options.add_argument("--python-only", action="store_true", help="ask no package registry")
    given = options.parse_args()
    stated: list[tuple[float, bool]] = []
    offers, rights, lines = [], [], []
    print(
        f"{'package':32} {'files':>5} {'tokens':>8} {'offered':>8} {'exact':>6} {'lines kept':>10} {'p50':>6} {'p95 ms':>6}"
    )
    for name, folder in packages(given.python_only):
        family, files = read(folder, "python" if "(python)" in name else None)
        if family.block is None:
            continue
        out = measure(family, family.block, given.places)
        stated += out.stated
        offers.append(out.offered / out.places)
        rights.append(out.exact / max(1, out.offered))
        lines.append(out.lines_kept / max(1, out.lines_offered))
        print(
            f"{name:32} {files:>5} {len(family.block.tokens):>8} {offers[-1]:>8.0%} {rights[-1]:>6.0%} {lines[-1]:>10.0%} "
            f"{percentile(out.times_ms, 0.5):>6.2f} {percentile(out.times_ms, 0.95):>6.2f}"
        )
    print(
        f"{'mean':32} {'':>5} {'':>8} {statistics.mean(offers):>8.0%} {statistics.mean(rights):>6.0%} "
        f"{statistics.mean(lines):>10.0%}   lowest exact {min(rights):.0%}"
    )
    print_calibration(stated)


def print_calibration(stated: list[tuple[float, bool]]) -> None:
    """Stated confidence beside the truth, per tenth that holds 100 cases."""
    print("\nconfidence stated | cases | right")
    for tenth in range(10):
        cases = [(c, r) for c, r in stated if tenth <= min(9, int(c * 10)) < tenth + 1]
        if len(cases) >= 100:
            mean = statistics.mean(c for c, _ in cases)
            right = statistics.mean(r for _, r in cases)
            print(f"{mean:>17.1%} | {len(cases):>5} | {right:.1%} ({right - mean:+.1%})")


def packages(python_only: bool) -> Iterator[tuple[str, Path]]:
    """(name, folder) of each package that can be had."""
    for name in PYTHON:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            yield f"{name} (python)", Path(next(iter(spec.submodule_search_locations)))
    if python_only:
        return
    for language, names in NPM.items():
        for name in names:
            folder = fetched(name, ["npm", "pack", "--silent", name], "*.tgz", ["tar", "xzf"])
            if folder:
                yield f"{name} ({language})", folder
    for language, names in DEBIAN.items():
        for name in names:
            folder = fetched(name, ["apt-get", "-q", "download", name], "*.deb", ["dpkg-deb", "-x"])
            if folder:
                yield f"{name} ({language})", folder


def fetched(name: str, command: list[str], archive: str, unpack: list[str]) -> Path | None:
    """A package's sources by its registry's own client, kept in the cache."""
    folder = paths().cache / "benchmarks" / name
    if folder.is_dir():
        return folder
    if not shutil.which(command[0]):
        return None
    with tempfile.TemporaryDirectory() as work:
        got = subprocess.run(command, cwd=work, capture_output=True, timeout=120)
        file = next(Path(work).glob(archive), None)
        if got.returncode or file is None:
            print(f"{name}: could not be had ({got.stderr.decode()[-80:].strip()})")
            return None
        folder.mkdir(parents=True)
        target = [str(folder)] if unpack[0] == "dpkg-deb" else ["-C", str(folder)]
        subprocess.run([*unpack, str(file), *target], check=True)
    return folder


def read(folder: Path, wanted: str | None) -> tuple[LanguageIndex, int]:
    """The wanted or the package's largest family, read and calibrated as the language server does it."""
    vocabularies: dict[str, LexerVocabulary] = {}
    builder = Builder(150_000_000, lambda f: vocabularies.setdefault(f, LexerVocabulary()), lambda: None)
    blocks = builder.build(walk([folder], lambda p: False, WalkLimits()), lambda: False)
    if not blocks:
        return LanguageIndex(), 0
    largest = max(blocks, key=lambda name: len(blocks[name].tokens))
    name = wanted if wanted in blocks else largest
    block = blocks[name]
    family = LanguageIndex(vocabularies[name], block)
    family.calibration = calibrate(family, CALIBRATION_PLACES, lambda: None, lambda: False) or Calibration()
    return family, len(block.files)


def measure(family: LanguageIndex, block: TokenBlock, count: int) -> Outcome:
    """Ask at random places, other ones than those it was calibrated on."""
    out = Outcome(places=count)
    cut = family.calibration.cut(THRESHOLD)
    for place, typed_chars in random_places(block, family, count, seed=7):
        number = block.file_index(place)
        first = int(block.firsts[number])
        typed = family.vocabulary.texts[int(block.tokens[place])][:typed_chars]
        spot = QueryPosition(
            block.files[number].uri, place - first, block.tokens[max(first, place - 110) : place], typed
        )
        forbidden = far_from(place, LEFT_OUT_TOKENS)
        began = time.perf_counter()
        found = family.continue_from(spot, lines=1, forbidden=forbidden)
        chance = family.calibration.chance(found.known) if found else 0.0
        more = found.longer(6) if found and chance >= cut else None
        out.times_ms.append((time.perf_counter() - began) * 1000)
        if found is None:
            continue
        truth = block.tokens[place : place + 400].tolist()
        right = found.continuation.tokens == tuple(_until_break(truth))
        out.stated.append((chance, right))
        if chance >= cut:
            out.offered += 1
            out.exact += right
            if more is not None:
                offered, kept = _kept_lines(more.continuation.tokens, truth)
                if offered > 1:
                    out.lines_offered += offered
                    out.lines_kept += kept
    return out


def _until_break(tokens: list[int]) -> Iterator[int]:
    for token in tokens:
        if token in (NEWLINE, BORDER):
            return
        yield token


def _kept_lines(told: tuple[int, ...], truth: list[int]) -> tuple[int, int]:
    """(lines offered, lines equal to the truth before the first that is not)."""
    offered, actual = _lines(list(told)), _lines(truth)
    kept = 0
    for mine, real in zip(offered, actual, strict=False):
        if mine != real:
            break
        kept += 1
    return len(offered), kept


def _lines(tokens: list[int]) -> list[list[int]]:
    lines: list[list[int]] = [[]]
    for token in tokens:
        if token == NEWLINE:
            lines.append([])
        else:
            lines[-1].append(token)
    return lines


if __name__ == "__main__":
    main()
