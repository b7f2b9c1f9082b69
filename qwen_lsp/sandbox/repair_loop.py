"""Generate, test, fix: rounds of writing and testing until green, out of attempts, or stopped.

Pure order of events: who writes and who tests is given. Nothing outside is touched; the last round's code is
what its reader may accept. Closing the generator stops at any point.
"""

from __future__ import annotations

import difflib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from qwen_lsp.sandbox.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Round:
    """One attempt: what was written and what its tests said. Number 0 is the code as it was."""

    number: int
    code: str
    diff: str
    """Against the round before, as a unified diff; empty when nothing changed."""
    output: str
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """The tests pass."""
        return self.verdict.passed


Write = Callable[[Sequence[Round]], Awaitable[str]]
"""The rounds so far -> the next code. An error ends the loop."""
Test = Callable[[str], Awaitable[Verdict]]


async def until_green(
    start: str, write: Write, test: Test, attempts: int, *, try_start: bool = False
) -> AsyncGenerator[Round, None]:
    """Yield each round as it ends; the first that passes is the last. `try_start`: test the code as it is first."""
    rounds: list[Round] = []
    if try_start:
        verdict = await test(start)
        rounds.append(Round(0, start, "", verdict.output, verdict))
        yield rounds[-1]
        if verdict.passed:
            return
    code = start
    for number in range(1, attempts + 1):
        written = await write(tuple(rounds))
        verdict = await test(written)
        rounds.append(Round(number, written, _diff(code, written), verdict.output, verdict))
        code = written
        yield rounds[-1]
        if verdict.passed:
            return


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
    return "\n".join(lines)
