"""Runs a repository's own tests with a hole filled, in a copy, so that the repository is never touched."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from qwen_lsp.errors import QwenLspError

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".hg", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox", "*.pyc"
)


class ScratchCopy:
    """A copy of a repository in which one file at a time is changed, tested and put back."""

    def __init__(self, folder: Path, source: Path, command: str, timeout_s: float) -> None:
        self._folder, self._source = folder, source
        self._command, self._timeout_s = command, timeout_s

    async def passes(self, file: Path | None = None, text: str = "") -> bool:
        """Whether the tests pass with `file` (a path in the repository) holding `text`."""
        if file is None:
            return await self._run()
        copied = self._folder / file.relative_to(self._source)
        kept = copied.read_bytes()
        try:
            copied.write_text(text, "utf-8")
            return await self._run()
        finally:
            copied.write_bytes(kept)

    async def _run(self) -> bool:
        process = await asyncio.create_subprocess_shell(
            self._command,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        try:
            return await asyncio.wait_for(process.wait(), self._timeout_s) == 0
        except TimeoutError:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@contextlib.asynccontextmanager
async def scratch_copy(source: Path, command: str, timeout_s: float) -> AsyncIterator[ScratchCopy]:
    """A scratch copy whose tests pass as it is; raises QwenLspError when they do not."""
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-eval-") as folder:
        copy = Path(folder) / source.name
        await asyncio.to_thread(shutil.copytree, source, copy, ignore=_LEFT_OUT, symlinks=True)
        scratch = ScratchCopy(copy, source, command, timeout_s)
        if not await scratch.passes():
            raise QwenLspError(
                f"The tests fail, or take longer than {timeout_s:.0f} s, before anything is changed: `{command}` in a copy of "
                f"{source}. Give a command that passes there."
            )
        yield scratch
