"""Runs inside the sandbox, before and after the generated code: sets limits, runs it, writes the result.

The order comes on stdin with a nonce; the result goes to a file that is open as descriptor `result_fd` and that
has no name in here. The nonce is in this process alone: the code we start cannot look into it, and a result
without the nonce counts for nothing. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import json
import os
import re
import resource
import secrets
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

_PR_SET_DUMPABLE = 4
_MOST_TESTS = 2_000
_DETAIL_CHARS = 2_000


def main() -> None:
    """Read the order, run the commands, write the result."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    _hide()
    os.chdir(order["work"])
    if order["given"]:
        shutil.copytree(order["given"], order["work"], symlinks=True, dirs_exist_ok=True)
    for name in (".tmp", ".home"):
        os.makedirs(name, exist_ok=True)
    result = _run_all(order)
    result["nonce"] = order["nonce"]
    with open(order["result_fd"], "w", encoding="utf-8") as out:
        json.dump(result, out)


def _hide() -> None:
    """No process of the same user may look into this one (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _run_all(order: dict[str, Any]) -> dict[str, Any]:
    commands = order["commands"]
    for command in commands[:-1]:
        code = _run(command, order["limits"])
        if code != 0:
            return {"exit": code, "tests": [], "built": False}
    if order["reader"] == "python":
        return _run_python_tests(commands[-1], order["limits"])
    code = _run(commands[-1], order["limits"])
    return {"exit": code, "tests": _tests(order["reader"], order["report"]), "built": True}


def _run(command: list[str], limits: dict[str, Any], keep: tuple[int, ...] = ()) -> int:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: _limit(limits),
            close_fds=True,
            pass_fds=keep,
        )
    except OSError as error:
        print(f"{command[0]} could not be started: {error}", flush=True)
        return 127
    return process.wait()


def _limit(limits: dict[str, Any]) -> None:
    """In the child, before the code: what it may use. Limits only ever go down."""
    wanted = {
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: 1024,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: limits["processes"],
    }
    if limits["address_bytes"]:
        wanted[resource.RLIMIT_AS] = limits["address_bytes"]
    for which, most in wanted.items():
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (most, most))


def _run_python_tests(command: list[str], limits: dict[str, Any]) -> dict[str, Any]:
    """Our own runner (tests.py) says at its end, through a pipe and with a word of its own, what every test did."""
    word = secrets.token_hex(16)
    ask_out, ask_in = os.pipe()
    answer_out, answer_in = os.pipe()
    os.write(ask_in, word.encode())
    os.close(ask_in)
    said: list[bytes] = []
    reader = _Reading(answer_out, said)
    code = _run([*command[:5], f"{ask_out},{answer_in}", *command[5:]], limits, keep=(ask_out, answer_in))
    os.close(ask_out)
    os.close(answer_in)
    reader.finish()
    return {"exit": code, "tests": _said(b"".join(said), word), "built": True}


class _Reading:
    """Reads a pipe until all writers are gone, or we no longer wait (a left-over child may hold it open)."""

    def __init__(self, pipe: int, into: list[bytes]) -> None:
        import threading

        self._pipe, self._into = pipe, into
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := os.read(self._pipe, 65536):
            self._into.append(data)

    def finish(self) -> None:
        self._thread.join(1.0)


def _said(data: bytes, word: str) -> list[dict[str, Any]] | None:
    """The tests, when the line with our word came; None when it did not: then nothing is known."""
    for line in data.splitlines():
        if line.startswith(word.encode() + b" "):
            try:
                return [_test(*row) for row in json.loads(line[len(word) + 1 :])[:_MOST_TESTS]]
            except (ValueError, TypeError):
                return None
    return None


def _tests(reader: str, report: str) -> list[dict[str, Any]] | None:
    """What the test runner wrote about each test; None when it wrote nothing."""
    files = [
        file
        for file in glob.glob(report, recursive=True)
        if os.path.isfile(file) and not os.path.islink(file)
    ]
    if reader == "exit":
        return []
    found: list[dict[str, Any]] = []
    for file in sorted(files):
        with contextlib.suppress(OSError, ElementTree.ParseError, ValueError):
            found += _junit(file) if reader == "junit" else _libtest(file)
    return found[:_MOST_TESTS] if files else None


def _junit(file: str) -> list[dict[str, Any]]:
    found = []
    for case in ElementTree.parse(file).iter("testcase"):
        faults = [child for child in case if child.tag in {"failure", "error"}]
        if case.get("status") in {"fail", "notrun"} and not faults:
            faults = [case]
        name = ".".join(part for part in (case.get("classname", ""), case.get("name", "")) if part)
        detail = "\n".join(f"{fault.get('message') or ''}\n{fault.text or ''}".strip() for fault in faults)
        if not case.findall("skipped"):
            found.append(_test(name, not faults, detail))
    return found


def _libtest(file: str) -> list[dict[str, Any]]:
    with open(file, encoding="utf-8", errors="replace") as lines:
        rows = [re.match(r"(ok|failed) (.+)$", line.rstrip("\n")) for line in lines]
    return [_test(row.group(2), row.group(1) == "ok") for row in rows if row]


def _test(name: Any, passed: Any, detail: Any = "") -> dict[str, Any]:
    return {"name": str(name)[:300], "passed": bool(passed), "detail": str(detail)[:_DETAIL_CHARS]}


if __name__ == "__main__":
    main()
