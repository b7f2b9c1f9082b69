"""What is to be run inside, and within which limits. Plain frozen values; imports nothing of ours but settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from qwen_lsp.settings import SandboxSettings

Reader = Literal["exit", "python", "junit", "libtest"]
"""How a verdict is read: from the exit code alone, or also from what the test runner wrote about each test."""


@dataclass(frozen=True, slots=True)
class Job:
    """Commands run one after another in a folder that holds `files`, until one fails. The last one is the tests."""

    files: Mapping[str, str | bytes]
    """Relative path -> text or bytes."""
    commands: tuple[tuple[str, ...], ...]
    """{python} stands for our own interpreter, {inside} for the folder of our scripts, {work} for the work folder."""
    reader: Reader = "exit"
    report: str = ""
    """Where the test runner writes its results: a glob, relative to the work folder (junit, libtest)."""
    readable: tuple[Path, ...] = ()
    """Folders outside the system's own that may be read, such as a toolchain's."""
    linked: Mapping[str, Path] = field(default_factory=dict)
    """Relative path in the work folder -> a folder that can be read there, such as node_modules."""
    environment: Mapping[str, str] = field(default_factory=dict)
    limits_address_space: bool = True
    """False for runtimes that reserve far more addresses than they use (Java, Go, Node): the watchdog minds them."""
    processes: int = 64
    """Most processes and threads at once."""
    patience: float = 1.0
    """Times the usual wall-clock limit: compiling takes longer."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What one run may use."""

    wall_s: float
    memory_bytes: int
    output_bytes: int
    processes: int
    file_bytes: int = 64 * 2**20
    disk_bytes: int = 512 * 2**20

    @classmethod
    def of(cls, options: SandboxSettings, job: Job) -> RunLimits:
        """The limits that the settings give a job."""
        return cls(
            options.timeout_s * job.patience, options.memory_bytes, options.output_bytes, job.processes
        )
