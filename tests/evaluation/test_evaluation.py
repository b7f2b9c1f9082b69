"""The evaluation: the same holes every time, honest measures, reports that can be laid side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult, Suggestion, SuggestionTrace
from qwen_lsp.code.snapshot import snapshot_at_mark
from qwen_lsp.errors import QwenLspError
from qwen_lsp.evaluation import EvaluationOptions, Report, compare, evaluate, load
from qwen_lsp.evaluation.evaluate import find_holes, similarity
from qwen_lsp.evaluation.holes import EvaluationHole, punch

PYTHON = """def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def lcm(a, b):
    product = a * b
    return product // gcd(a, b)
"""
GO = """package sums

func Sum(xs []int) int {
	total := 0
	for _, x := range xs {
		total += x
	}
	return total
}
"""
TEST = "from numbers_ import gcd, lcm\nassert gcd(12, 18) == 6\nassert lcm(4, 6) == 12\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "numbers_.py").write_text(PYTHON, "utf-8")
    (root / "sums.go").write_text(GO, "utf-8")
    (root / ".gitignore").write_text("made.py\n", "utf-8")
    (root / "made.py").write_text("made = 1\n", "utf-8")
    (root / "credentials.json").write_text("{}\n", "utf-8")
    return root


def knowing(
    root: Path,
    options: EvaluationOptions,
    change: Callable[[EvaluationHole], str | None] = lambda hole: hole.text,
) -> Callable[[CompletionRequest], Awaitable[CompletionResult]]:
    """An assistant that knows what was taken out, and answers `change` of it."""
    holes = {(h.snapshot.uri, h.at, h.snapshot.text): h for h in find_holes([root], options)}

    async def complete(ask: CompletionRequest) -> CompletionResult:
        text = change(holes[ask.snapshot.uri, ask.cursor, ask.snapshot.text])
        trace = SuggestionTrace(0.0, "engine", prompt_tokens=100, cached_tokens=60, generated_tokens=7)
        if text is None:
            return CompletionResult(reason="low confidence", trace=trace)
        return CompletionResult((Suggestion("1", text, ask.cursor, ask.cursor),), trace=trace)

    return complete


def test_a_hole_and_its_text_make_the_file_again() -> None:
    for language, text in (("python", PYTHON), ("go", GO)):
        holes = punch(Path("/work/a"), text, language, per_kind=20)
        assert {hole.kind for hole in holes} == {"line", "block", "body"}
        assert all(hole.whole == text for hole in holes)
        assert all(hole.text == hole.text.strip() for hole in holes)


def test_bodies_are_whole_and_lines_begin_after_their_indentation() -> None:
    holes = punch(Path("/work/a.py"), PYTHON, "python", per_kind=20)
    bodies = [hole.text for hole in holes if hole.kind == "body"]
    assert bodies == [
        "while b:\n        a, b = b, a % b\n    return a",
        "product = a * b\n    return product // gcd(a, b)",
    ]
    lines = [hole for hole in holes if hole.kind == "line"]
    assert "a, b = b, a % b" in {hole.text for hole in lines}
    go = [hole.text for hole in punch(Path("/work/a.go"), GO, "go", per_kind=20) if hole.kind == "block"]
    assert "total += x" in go


def test_whole_lines_leave_an_empty_line_and_never_their_scope() -> None:
    holes = punch(Path("/work/a.py"), PYTHON, "python", kinds=("lines",), per_kind=99)
    texts = {hole.text for hole in holes}
    assert {"    product = a * b", "    while b:\n        a, b = b, a % b\n    return a"} <= texts
    assert not any(text.startswith("        a, b = b, a % b\n    ret") for text in texts)
    for hole in holes:
        assert hole.whole == PYTHON
        assert 1 <= hole.text.count("\n") + 1 <= 3
        assert hole.snapshot.line_text(hole.line - 1) == ""


def test_the_seed_decides_the_holes(repository: Path) -> None:
    def places(seed: int) -> list[tuple[str, int]]:
        return [(h.text, h.at) for h in find_holes([repository], EvaluationOptions(seed=seed, per_kind=1))]

    assert places(1) == places(1)
    assert len({tuple(places(seed)) for seed in range(8)}) > 1


def test_ignored_and_secret_files_are_not_evaluated(repository: Path) -> None:
    files = {h.snapshot.path.name for h in find_holes([repository], EvaluationOptions()) if h.snapshot.path}
    assert files == {"numbers_.py", "sums.go"}


async def test_an_assistant_that_knows_scores_everything(repository: Path) -> None:
    options = EvaluationOptions()
    report = await evaluate([repository], knowing(repository, options), options)
    assert report.exact_share == 1.0
    assert all(r.shown and r.first_line and r.parses and r.similarity == 1.0 for r in report.results)
    assert {r.language for r in report.results} == {"python", "go"}
    assert {(r.prompt_tokens, r.cached_tokens, r.generated_tokens) for r in report.results} == {(100, 60, 7)}


async def test_silence_is_counted_by_its_reason(repository: Path) -> None:
    options = EvaluationOptions(kinds=("line",))
    report = await evaluate([repository], knowing(repository, options, lambda hole: None), options)
    assert report.exact_share == 0.0
    assert not any(r.shown for r in report.results)
    assert f"{len(report.results)}  low confidence" in report.table()


async def test_a_wrong_answer_is_measured_as_wrong(repository: Path) -> None:
    options = EvaluationOptions(kinds=("body",))
    broken = knowing(repository, options, lambda hole: hole.text.split("\n")[0] + "\n    )(")
    report = await evaluate([repository], broken, options)
    assert all(
        r.first_line and not r.exact and r.parses is False and 0 < r.similarity < 1 for r in report.results
    )


def test_a_closer_that_is_replaced_is_not_doubled_in_the_measured_file() -> None:
    snapshot, cursor = snapshot_at_mark("value = f(¦)\n")
    assert (
        EvaluationHole("line", snapshot, cursor, "first", 1).filled("first)", cursor + 1)
        == "value = f(first)\n"
    )


async def test_two_runs_are_laid_side_by_side(repository: Path, tmp_path: Path) -> None:
    options = EvaluationOptions(kinds=("line",))
    good = await evaluate([repository], knowing(repository, options), options)
    bad = await evaluate([repository], knowing(repository, options, lambda hole: hole.text + "x"), options)
    (tmp_path / "good.json").write_text(good.to_json(), "utf-8")
    again = load(tmp_path / "good.json")
    assert again.results == good.results
    text = compare(bad, again)
    assert f"exact in the second only: {len(good.results)}, in the first only: 0" in text
    assert "0.0%" in text
    assert "100.0%" in text
    assert "no hole in common" in compare(good, Report(()))


def test_a_file_that_is_no_report_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]", "utf-8")
    with pytest.raises(QwenLspError, match="is not a report"):
        load(tmp_path / "x.json")


async def test_a_path_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    async def complete(ask: CompletionRequest) -> CompletionResult:
        return CompletionResult()

    with pytest.raises(QwenLspError, match="no file or folder"):
        await evaluate([tmp_path / "nowhere"], complete)


async def test_the_repositorys_own_tests_judge_in_a_copy(repository: Path) -> None:
    (repository / "check.py").write_text(TEST, "utf-8")
    options = EvaluationOptions(kinds=("body",), languages=("python",), tests="python check.py", per_kind=1)
    right = await evaluate([repository], knowing(repository, options), options)
    wrong = await evaluate([repository], knowing(repository, options, lambda hole: "return 0"), options)
    assert [r.tests for r in right.results] == [True]
    assert [r.tests for r in wrong.results] == [False]
    assert (repository / "numbers_.py").read_text("utf-8") == PYTHON
    assert not (repository / "__pycache__").exists()


async def test_tests_that_fail_before_anything_is_changed_are_an_error(repository: Path) -> None:
    options = EvaluationOptions(tests="exit 3")
    with pytest.raises(QwenLspError, match="before anything is changed"):
        await evaluate([repository], knowing(repository, options), options)


def test_similarity_is_a_share() -> None:
    assert similarity("a = b", " a = b\n") == 1.0
    assert similarity("abc", "xyz") == 0.0
