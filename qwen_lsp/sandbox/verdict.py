"""What came of a run: a plain verdict with its tests and the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "timeout", "memory", "output", "processes", "broken"]
"""`broken`: the run ended without a result of ours; whatever it printed, that is a failure."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test."""

    __test__ = False  # pytest would take it for a test

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one contained run."""

    outcome: Outcome
    tests: tuple[TestResult, ...] = ()
    output: str = ""
    """What was printed, cut at the limit. Never the source of the verdict."""
    detail: str = ""
    """One sentence for the user when it did not pass."""
    seconds: float = 0.0
    exit_code: int | None = None

    @property
    def passed(self) -> bool:
        """All is well."""
        return self.outcome == "passed"

    @property
    def summary(self) -> str:
        """One line for a list of rounds."""
        good = sum(test.passed for test in self.tests)
        counted = f"{good} of {len(self.tests)} tests passed" if self.tests else self.outcome
        return f"{counted}. {self.detail}".rstrip() if self.detail else counted

    def for_the_model(self, most_chars: int = 4_000) -> str:
        """What the model should read to mend the code: the failed tests, else the end of the output."""
        failed = [f"{test.name}: {test.detail}".strip() for test in self.tests if not test.passed]
        text = "\n".join([self.detail, *failed] if failed else [self.detail, self.output]).strip()
        return text if len(text) <= most_chars else "…" + text[-most_chars:]
