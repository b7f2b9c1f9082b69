"""Runs pytest or unittest inside the sandbox and reports every test through a pipe. Standard library and pytest only.

Called as: tests.py KIND ASK,ANSWER TARGETS... The tests run as the main thing here; the code is imported by them.
Code that ends the process early (os._exit, a crash) leaves no report, which counts as a failure.
"""

from __future__ import annotations

import json
import os
import sys
import unittest
from collections.abc import Callable
from typing import Any

Row = tuple[str, bool, str]


def main(arguments: list[str]) -> int:
    """Run the tests; the exit code."""
    kind, pipes, *targets = arguments
    report = _reporter(*(int(number) for number in pipes.split(",")))
    sys.argv[:] = [kind]
    for folder in ("src", "."):
        if os.path.isdir(folder):
            sys.path.insert(0, os.path.abspath(folder))
    rows, code = (_pytest if kind == "pytest" else _unittest)(targets)
    report(rows)
    return code


def _reporter(ask: int, answer: int) -> Callable[[list[Row]], None]:
    word = os.read(ask, 100)
    os.close(ask)
    os.set_inheritable(answer, False)

    def report(rows: list[Row]) -> None:
        data = word + b" " + json.dumps(rows).encode() + b"\n"
        while data:
            data = data[os.write(answer, data) :]

    return report


def _pytest(targets: list[str]) -> tuple[list[Row], int]:
    import pytest

    rows: dict[str, Row] = {}

    class Rows:
        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.when == "call" or report.failed:
                known = rows.get(report.nodeid, (report.nodeid, True, ""))
                rows[report.nodeid] = (
                    report.nodeid,
                    known[1] and not report.failed,
                    known[2] or report.longreprtext,
                )

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                rows[report.nodeid] = (report.nodeid or "collection", False, report.longreprtext)

    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        "--tb=short",
        "--color=no",
        "--import-mode=importlib",
    ]
    code = int(pytest.main([*options, *targets], plugins=[Rows()]))
    return list(rows.values()), code


def _unittest(targets: list[str]) -> tuple[list[Row], int]:
    rows: list[Row] = []

    class GuestResult(unittest.TextTestResult):
        def addSuccess(self, test: unittest.TestCase) -> None:
            super().addSuccess(test)
            rows.append((test.id(), True, ""))

        def addFailure(self, test: unittest.TestCase, err: Any) -> None:
            super().addFailure(test, err)
            rows.append((test.id(), False, self.failures[-1][1]))

        def addError(self, test: unittest.TestCase, err: Any) -> None:
            super().addError(test, err)
            rows.append((test.id(), False, self.errors[-1][1]))

        def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
            super().addSubTest(test, subtest, err)
            if err is not None:
                rows.append((subtest.id(), False, str(err[1])))

    def make(stream: Any, descriptions: bool, verbosity: int) -> GuestResult:
        return GuestResult(stream, descriptions, verbosity)

    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for target in targets or ["."]:
        folder, name = os.path.split(target) if target.endswith(".py") else (target, "test*.py")
        suite.addTests(loader.discover(folder or ".", pattern=name, top_level_dir=folder or "."))
    ran = unittest.TextTestRunner(resultclass=make, stream=sys.stdout).run(suite)
    return rows, 0 if ran.wasSuccessful() and rows else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
