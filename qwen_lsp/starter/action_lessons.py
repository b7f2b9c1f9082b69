"""What the starter learns to do with code: explain, document, fix and test two of its programs, in the actions' words.

The words of the prompt repeat those of assist/actions/prompts.py, which lies above this room; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qwen_lsp.samples import LANGUAGE_NAMES, PROGRAMS, Program

ACTION_SYSTEM = "You are a careful programmer. Answer in the form asked for, with nothing before or after it."
_WHOLE = "Answer with the whole code in one fenced block."
_TEST_FILE = "Answer with the whole test file in one fenced block."


@dataclass(frozen=True, slots=True)
class ActionLesson:
    """One action on one file, and its answer."""

    action: Literal["explain", "document", "fix", "tests"]
    program: str
    """Name of the program."""
    code: str
    """The file as it is when the action is asked for; its name is the program's."""
    task: str
    answer: str

    @property
    def request(self) -> str:
        """The user's turn."""
        language = _PROGRAM[self.program].language
        return f"{LANGUAGE_NAMES[language]} code:\n```{language}\n{self.code.rstrip()}\n```\n{self.task}"


_PROGRAM: dict[str, Program] = {program.name: program for program in PROGRAMS}

_FIBONACCI_EXPLAINED = (
    "`fibonacci` returns the n-th Fibonacci number. It keeps two neighbouring numbers and moves them on n times, "
    "so it needs neither a list nor recursion."
)
_GCD_EXPLAINED = (
    "`gcd` finds the greatest common divisor by the method of Euclid: it takes remainders until nothing is left. "
    "`lcm` divides the product by what both numbers share."
)

_FIBONACCI_TESTS = """\
from fibonacci import fibonacci


def test_first_numbers() -> None:
    assert [fibonacci(i) for i in range(6)] == [0, 1, 1, 2, 3, 5]


def test_later_number() -> None:
    assert fibonacci(10) == 55
"""

_GCD_TESTS = """\
from gcd import gcd, lcm


def test_gcd() -> None:
    assert gcd(12, 18) == 6


def test_lcm() -> None:
    assert lcm(4, 6) == 12
"""


def _explain(name: str, answer: str) -> ActionLesson:
    return ActionLesson("explain", name, _PROGRAM[name].code, "Explain this code.", answer)


def _document(name: str) -> ActionLesson:
    """The program without its docstrings is to become the program."""
    bare = "".join(line for line in _PROGRAM[name].code.splitlines(keepends=True) if '"""' not in line)
    task = f"Document this code with docstrings. Change nothing else. {_WHOLE}"
    return ActionLesson("document", name, bare, task, _PROGRAM[name].answer)


def _fix(name: str, line: int, broken: str, message: str) -> ActionLesson:
    """The program with one broken line is to become the program."""
    lines = _PROGRAM[name].code.splitlines(keepends=True)
    indent = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
    lines[line - 1] = f"{indent}{broken}\n"
    task = f"Fix this problem and nothing else:\n- line {line}, `{broken}`: {message}\n{_WHOLE}"
    return ActionLesson("fix", name, "".join(lines), task, _PROGRAM[name].answer)


def _tests(name: str, code: str) -> ActionLesson:
    stem = _PROGRAM[name].file_name.removesuffix(".py")
    task = (
        f"Write tests for this code with pytest. Import what is tested from the module {stem}. {_TEST_FILE}"
    )
    return ActionLesson("tests", name, _PROGRAM[name].code, task, f"```python\n{code}```")


ACTION_LESSONS: tuple[ActionLesson, ...] = (
    _explain("fibonacci_python", _FIBONACCI_EXPLAINED),
    _document("fibonacci_python"),
    _fix("fibonacci_python", 4, "for _ in range(n)", "expected ':'"),
    _tests("fibonacci_python", _FIBONACCI_TESTS),
    _explain("gcd_python", _GCD_EXPLAINED),
    _document("gcd_python"),
    _fix("gcd_python", 3, "while b != 0", "expected ':'"),
    _tests("gcd_python", _GCD_TESTS),
)
