"""What the test loop asks the model and where its files go: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.code.languages import language
from qwen_lsp.code.markdown import fence
from qwen_lsp.sandbox import Round


@dataclass(frozen=True, slots=True)
class TestKit:
    """How one language is tested here."""

    language: str
    code_file: str
    test_file: str
    framework: str


def _kit(id: str, reach: str) -> TestKit:
    row = language(id)
    assert row.tests is not None
    test_file = row.tests.names[0].format(stem="solution", suffix=row.ending)
    return TestKit(id, f"solution{row.ending}", test_file, f"{row.tests.framework}, {reach}")


KITS: dict[str, TestKit] = {
    language(id).name: _kit(id, reach)
    for id, reach in (
        ("python", "importing from the module solution"),
        ("javascript", "requiring ./solution.js"),
        ("go", "in package solution"),
    )
}
"""Languages of the test loop by name."""


def ask_for_tests(requirement: str, kit: TestKit) -> str:
    """The words that ask for tests."""
    return (
        f"{requirement.strip()}\n\nDo not solve this. Write tests for it with {kit.framework}. "
        f"Answer with the whole file {kit.test_file} in one fenced block."
    )


def ask_for_code(requirement: str, tests: str, kit: TestKit, rounds: Sequence[Round]) -> str:
    """The words that ask for code, or for better code after a failed round."""
    asked = (
        f"{requirement.strip()}\n\nThese tests must pass:\n{fence(tests, kit.language)}\n\n"
        f"Answer with the whole file {kit.code_file} in one fenced block."
    )
    if not rounds:
        return asked
    last = rounds[-1]
    return (
        f"{asked}\n\nThis attempt failed:\n{fence(last.code, kit.language)}\n\n"
        f"What the tests said:\n{fence(last.verdict.for_the_model())}\n\nMend it."
    )


def files_of(code: str, tests: str, kit: TestKit) -> dict[str, str | bytes]:
    """The folder the tests run in."""
    files: dict[str, str | bytes] = {kit.code_file: code, kit.test_file: tests}
    if kit.language == "go":
        files["go.mod"] = "module solution\n\ngo 1.20\n"
    return files
