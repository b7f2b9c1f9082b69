"""Which containment this machine has: bubblewrap that works, sandbox-exec, or none (and what to do then)."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import psutil

from qwen_lsp.errors import SandboxUnavailable

_PROBE_TIMEOUT_S = 10.0
_ELSE = "Without it generated code is not run here; the page can still run plain Python in the browser, where that is offered."


@dataclass(frozen=True, slots=True)
class Containment:
    """A program that contains others, found and tried."""

    kind: Literal["bubblewrap", "seatbelt"]
    program: str
    knows: frozenset[str] = frozenset()
    """The long options it understands."""

    def others(self) -> int:
        """Processes and threads outside that count against the limit inside.

        From Linux 5.14 a user namespace counts its own; before, and on macOS, all of the user's count.
        """
        if self.kind == "bubblewrap" and _kernel() >= (5, 14):
            return 0
        mine = os.getuid()
        return sum(
            process.info["num_threads"] or 1
            for process in psutil.process_iter(["uids", "num_threads"])
            if process.info["uids"] and process.info["uids"].real == mine
        )


@lru_cache(maxsize=1)
def find_containment() -> Containment:
    """The containment of this machine; it is tried once. Raises SandboxUnavailable with what to do."""
    if sys.platform == "darwin":
        program = shutil.which("sandbox-exec") or "/usr/bin/sandbox-exec"
        if not Path(program).exists():
            raise SandboxUnavailable(f"macOS's sandbox-exec is not on this machine. {_ELSE}")
        return Containment("seatbelt", program)
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(f"No containment is known for {sys.platform}. {_ELSE}")
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailable(
            f"bubblewrap is not installed (try: apt install bubblewrap, or dnf install bubblewrap). {_ELSE}"
        )
    found = Containment("bubblewrap", bwrap, _options(bwrap))
    _try(found)
    return found


def _options(bwrap: str) -> frozenset[str]:
    said = subprocess.run(
        [bwrap, "--help"], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
    )
    return frozenset(re.findall(r"^\s+(--[a-z-]+)", said.stdout + said.stderr, re.MULTILINE))


def _try(found: Containment) -> None:
    """Run /usr/bin/true inside: some systems forbid ordinary users to make namespaces."""
    line = [
        found.program,
        "--unshare-all",
        "--unshare-user",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--",
        "/usr/bin/true",
    ]
    try:
        tried = subprocess.run(line, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False)
        why = tried.stderr.strip() if tried.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        why = str(error)
    if why:
        raise SandboxUnavailable(
            f"bubblewrap is installed but does not work here ({why}). Allow user namespaces for it "
            "(kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns), "
            f"or use your distribution's bubblewrap package. {_ELSE}"
        )


def _kernel() -> tuple[int, int]:
    numbers = re.findall(r"\d+", platform.release())
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else (0, 0)
