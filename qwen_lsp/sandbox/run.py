"""Runs a job contained and judges it. Never a bare run: without containment SandboxUnavailable says what to do."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

from qwen_lsp.errors import SandboxUnavailable
from qwen_lsp.sandbox.containment import bubblewrap, seatbelt
from qwen_lsp.sandbox.containment.detect import Containment, find_containment
from qwen_lsp.sandbox.job import Job, RunLimits
from qwen_lsp.sandbox.verdict import Outcome, TestResult, Verdict
from qwen_lsp.sandbox.watchdog import watch
from qwen_lsp.settings import SandboxSettings

_INSIDE = Path(__file__).parent / "guest"
_MOST_RESULT_BYTES = 8_000_000
_REASONS: dict[str, str] = {
    "timeout": "It was stopped after {wall_s:g} seconds (sandbox.timeout_s).",
    "memory": "It was stopped because it used more than {memory_bytes:,} bytes of memory (sandbox.memory_bytes).",
    "output": "It was stopped because it printed more than {output_bytes:,} bytes (sandbox.output_bytes).",
    "processes": "It was stopped because it started more than {processes} processes.",
}


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where one run finds its files and leaves its result."""

    folder: Path
    result: IO[bytes]
    nonce: str


async def run_contained(job: Job, options: SandboxSettings) -> Verdict:
    """Run a job and judge it. Raises SandboxUnavailable; cancelling kills everything that runs inside."""
    containment = await asyncio.to_thread(how_contained, options)
    limits = RunLimits.of(options, job)
    with _staged(job) as stage:
        started = time.monotonic()
        process = await _started(containment, job, limits, stage)
        try:
            stopped, output = await _watched(process, _order(job, limits, stage, containment), limits)
        finally:
            await _killed(process)
        result = _result(stage)
        return _judged(result, stopped, output, limits, time.monotonic() - started)


def how_contained(options: SandboxSettings) -> Containment:
    """How code is contained on this machine; raises SandboxUnavailable with what to do when it cannot be."""
    if not options.enabled:
        raise SandboxUnavailable("Running generated code is switched off (sandbox.enabled).")
    if os.geteuid() == 0 and not options.allow_root:
        raise SandboxUnavailable(
            "Generated code is not run as root: limits bind root less. Use an ordinary user, or set sandbox.allow_root."
        )
    return find_containment()


@contextmanager
def _staged(job: Job) -> Iterator[_Stage]:
    """A folder with the job's files and a result file without a name."""
    with (
        TemporaryDirectory(prefix="qwen-lsp-", ignore_cleanup_errors=True) as name,
        TemporaryFile() as result,
    ):
        folder = Path(name).resolve()
        for path, content in job.files.items():
            file = folder / path
            if Path(path).is_absolute() or not file.resolve().is_relative_to(folder):
                raise SandboxUnavailable(f"The file name {path!r} leads out of the folder; nothing was run.")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        yield _Stage(folder, result, secrets.token_hex(32))


def _command_line(containment: Containment, job: Job, limits: RunLimits, stage: _Stage) -> list[str]:
    python = Path(os.path.realpath(sys.executable))
    readable = [*job.readable, Path(sys.base_prefix)]
    if containment.kind == "seatbelt":
        return seatbelt.command_line(stage.folder, Path.home(), readable, python, _INSIDE)
    return bubblewrap.command_line(
        containment.program,
        job,
        limits,
        given=stage.folder,
        inside=_INSIDE,
        python=python,
        readable=readable,
        knows=containment.knows,
        as_root=os.geteuid() == 0,
    )


async def _started(containment: Containment, job: Job, limits: RunLimits, stage: _Stage) -> Process:
    """Start the run. Cancelling meanwhile waits until there is something that can be killed whole:

    bubblewrap's inner process follows its parent into death only once it has come so far as to ask for that.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *_command_line(containment, job, limits, stage),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            pass_fds=(stage.result.fileno(),),
            start_new_session=True,
            cwd=stage.folder,
            env={}
            if containment.kind == "bubblewrap"
            else dict(bubblewrap.environment(job, str(stage.folder))),
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _killed(await starting)
        raise


def _order(job: Job, limits: RunLimits, stage: _Stage, containment: Containment) -> bytes:
    """What the wrapper inside reads from its stdin."""
    wrapped = containment.kind == "bubblewrap"
    words = {
        "{python}": os.path.realpath(sys.executable),
        "{inside}": bubblewrap.INSIDE if wrapped else str(_INSIDE),
        "{work}": bubblewrap.WORK if wrapped else str(stage.folder),
    }

    def filled(word: str) -> str:
        for name, value in words.items():
            word = word.replace(name, value)
        return word

    order = {
        "nonce": stage.nonce,
        "result_fd": stage.result.fileno(),
        "work": words["{work}"],
        "given": bubblewrap.GIVEN if wrapped else "",
        "commands": [[filled(word) for word in command] for command in job.commands],
        "reader": job.reader,
        "report": job.report,
        "limits": {
            "cpu_s": int(limits.wall_s) + 2,
            "file_bytes": limits.file_bytes,
            "processes": limits.processes + containment.others(),
            "address_bytes": limits.memory_bytes if job.limits_address_space else 0,
        },
    }
    return json.dumps(order).encode()


async def _watched(process: Process, order: bytes, limits: RunLimits) -> tuple[Outcome | None, bytes]:
    """Feed the order and read the output until the run ends by itself or is stopped; why it was, and the output."""
    assert process.stdin is not None
    with suppress(ConnectionError, BrokenPipeError):
        process.stdin.write(order)
        await process.stdin.drain()
        process.stdin.close()
    output = bytearray()
    reading = asyncio.create_task(_read(process, output, limits.output_bytes))
    watching = asyncio.create_task(watch(process.pid, limits.memory_bytes, limits.processes))
    try:
        done, _ = await asyncio.wait(
            {reading, watching}, timeout=limits.wall_s, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return "timeout", bytes(output)
        first: Outcome | None = done.pop().result()
        return first, bytes(output)
    finally:
        for task in (reading, watching):
            task.cancel()
        await asyncio.gather(reading, watching, return_exceptions=True)


async def _read(process: Process, output: bytearray, most_bytes: int) -> Outcome | None:
    """Read what is printed until it ends, or is too much."""
    assert process.stdout is not None
    while data := await process.stdout.read(65536):
        output += data[: most_bytes - len(output)]
        if len(output) >= most_bytes:
            return "output"
    await process.wait()
    return None


async def _killed(process: Process) -> None:
    """Nothing of the run is left: with its outer process dies the whole process space inside."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, 9)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    # asyncio waits for the end of the output too, and nobody reads a flood any more: close it first
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()


def _result(stage: _Stage) -> dict[str, Any] | None:
    """The wrapper's result, if it is the wrapper's: it carries the nonce."""
    stage.result.seek(0)
    data = stage.result.read(_MOST_RESULT_BYTES + 1)
    if not data or len(data) > _MOST_RESULT_BYTES:
        return None
    try:
        result = json.loads(data)
    except ValueError:
        return None
    is_ours = isinstance(result, dict) and secrets.compare_digest(str(result.get("nonce", "")), stage.nonce)
    return result if is_ours else None


def _judged(
    result: dict[str, Any] | None, stopped: Outcome | None, output: bytes, limits: RunLimits, seconds: float
) -> Verdict:
    text = output.decode("utf-8", "replace")
    if stopped is not None:
        reason = _REASONS[stopped].format(
            wall_s=limits.wall_s,
            memory_bytes=limits.memory_bytes,
            output_bytes=limits.output_bytes,
            processes=limits.processes,
        )
        return Verdict(stopped, (), text, reason, seconds)
    if result is None:
        return Verdict(
            "broken", (), text, "The run ended without a result; that counts as a failure.", seconds
        )
    code: int = result["exit"]
    if result["tests"] is None:
        detail = f"The tests ended without a result (exit code {code}); that counts as a failure."
        return Verdict("broken", (), text, detail, seconds, code)
    tests = tuple(TestResult(row["name"], row["passed"], row["detail"]) for row in result["tests"])
    failed = [test.name for test in tests if not test.passed]
    if code == 0 and not failed:
        return Verdict("passed", tests, text, "", seconds, code)
    detail = f"Failed: {', '.join(failed[:5])}." if failed else f"It ended with exit code {code}."
    return Verdict("failed", tests, text, detail, seconds, code)
