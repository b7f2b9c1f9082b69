"""Punches holes, asks for each, measures: the bench for two models, two prompts or two settings side by side."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from pathlib import Path

from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult
from qwen_lsp.code.languages import is_code, language_of
from qwen_lsp.code.syntax import parses
from qwen_lsp.code.workspace.ignore import IgnoreRules
from qwen_lsp.code.workspace.walk import WalkLimits, walk
from qwen_lsp.errors import QwenLspError
from qwen_lsp.evaluation.holes import USUAL_KINDS, EvaluationHole, Kind, punch
from qwen_lsp.evaluation.report import HoleResult, Report
from qwen_lsp.evaluation.scratch_copy import ScratchCopy, scratch_copy

Complete = Callable[[CompletionRequest], Awaitable[CompletionResult]]
"""The real assistant's `complete`, or a language server's by an adapter."""
_COMPARED_CHARS = 4000


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to punch and how to ask. The same options and files give the same holes."""

    seed: int = 0
    kinds: tuple[Kind, ...] = USUAL_KINDS
    per_kind: int = 3
    """Holes of each kind per file, at most."""
    max_holes: int = 300
    max_files: int = 2_000
    manual: bool = False
    """Ask as if by key: fewer reasons for silence."""
    languages: tuple[str, ...] = ()
    """Only these; empty: every programming language."""
    tests: str = ""
    """Shell command that runs the repository's tests; run with each hole filled, in a copy."""
    tests_timeout_s: float = 120.0


async def evaluate(
    paths: Sequence[Path],
    complete: Complete,
    options: EvaluationOptions | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Fill the holes of all files under `paths`, one after another, and say how well it went."""
    options = options or EvaluationOptions()
    roots = [path.absolute() for path in paths]
    holes = find_holes(roots, options)
    results: list[HoleResult] = []
    async with _tests(roots, options) as scratch:
        for number, hole in enumerate(holes):
            results.append(await _fill(hole, roots, complete, options, scratch))
            if progress is not None:
                progress(number + 1, len(holes))
    notes = (
        () if results else ("No hole was found: no source file under the paths has a line worth asking for.",)
    )
    return Report(tuple(results), asdict(options), notes)


def find_holes(roots: Sequence[Path], options: EvaluationOptions) -> list[EvaluationHole]:
    """The holes of a run; over `max_holes`, a fair draw among all."""
    holes: list[EvaluationHole] = []
    for file in _files(roots, options):
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        language = str(language_of(file))
        holes += punch(
            file, text, language, kinds=options.kinds, per_kind=options.per_kind, seed=options.seed
        )
    if len(holes) > options.max_holes:
        kept = sorted(random.Random(options.seed).sample(range(len(holes)), options.max_holes))
        holes = [holes[at] for at in kept]
    return holes


def _files(roots: Sequence[Path], options: EvaluationOptions) -> list[Path]:
    for root in roots:
        if not root.exists():
            raise QwenLspError(f"There is no file or folder {root}. Give `qwen-lsp eval` a path that exists.")
    folders = [root for root in roots if root.is_dir()]
    rules = IgnoreRules(folders)
    limits = WalkLimits(max_files=options.max_files)
    found = [root for root in roots if root.is_file() and not rules.is_private(root)]
    found += walk(folders, rules.is_private, limits)
    wanted = set(options.languages)
    return [
        file
        for file in found
        if (language := language_of(file)) and is_code(language) and (not wanted or language in wanted)
    ]


async def _fill(
    hole: EvaluationHole,
    roots: Sequence[Path],
    complete: Complete,
    options: EvaluationOptions,
    scratch: ScratchCopy | None,
) -> HoleResult:
    file = hole.snapshot.path or Path("?")
    began = time.perf_counter()
    answer = await complete(CompletionRequest(hole.snapshot, hole.at, manual=options.manual, session="eval"))
    latency_ms = (time.perf_counter() - began) * 1000
    trace = answer.trace
    base = HoleResult(
        file=_shown(file, roots),
        line=hole.line,
        language=hole.snapshot.language,
        kind=hole.kind,
        wanted=hole.text,
        reason="" if answer.suggestions else answer.reason or "no reason given",
        latency_ms=round(latency_ms, 3),
        prompt_tokens=trace.prompt_tokens if trace else 0,
        cached_tokens=trace.cached_tokens if trace else 0,
        generated_tokens=trace.generated_tokens if trace else 0,
    )
    if not answer.suggestions:
        return base
    best = answer.suggestions[0]
    filled = hole.filled(best.text, best.end)
    return _measured(base, hole, best.text, filled, best.source, await _tested(scratch, file, filled))


def _measured(
    base: HoleResult, hole: EvaluationHole, got: str, filled: str, source: str, tests: bool | None
) -> HoleResult:
    return HoleResult(
        **{
            **asdict(base),
            "got": got,
            "shown": True,
            "source": source,
            "exact": _lines(filled) == _lines(hole.whole),
            "first_line": got.strip().split("\n")[0].rstrip() == hole.text.strip().split("\n")[0].rstrip(),
            "similarity": round(similarity(got, hole.text), 4),
            "parses": parses(filled, hole.snapshot.language),
            "tests": tests,
        }
    )


def similarity(a: str, b: str) -> float:
    """How alike two texts are, 0..1: twice what matches over both lengths."""
    a, b = a.strip()[:_COMPARED_CHARS], b.strip()[:_COMPARED_CHARS]
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


async def _tested(scratch: ScratchCopy | None, file: Path, text: str) -> bool | None:
    return None if scratch is None else await scratch.passes(file, text)


@contextlib.asynccontextmanager
async def _tests(roots: Sequence[Path], options: EvaluationOptions) -> AsyncIterator[ScratchCopy | None]:
    if not options.tests:
        yield None
        return
    if len(roots) != 1 or not roots[0].is_dir():
        raise QwenLspError("--tests needs exactly one folder: the repository whose tests are run.")
    async with scratch_copy(roots[0], options.tests, options.tests_timeout_s) as scratch:
        yield scratch


def _shown(file: Path, roots: Sequence[Path]) -> str:
    for root in roots:
        if root.is_dir() and file.is_relative_to(root):
            return file.relative_to(root).as_posix()
    return file.name
