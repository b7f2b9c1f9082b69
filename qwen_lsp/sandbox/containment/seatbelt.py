"""Containment on macOS: a profile for sandbox-exec. A pure plan. Not yet run on a Mac by us: only its text is tested.

Reading the system stays open (allow-lists of many clauses crash on current macOS); the home folder, writing,
the network and other processes are closed. Memory is minded by the watchdog: RLIMIT_AS is not kept there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_PROFILE = """(version 1)
(allow default)
(deny network*)
(deny signal)
(allow signal (target same-sandbox))
(deny process-info* (target others))
(deny mach-priv-task-port)
(deny file-write*)
(allow file-write* (subpath {work}) (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))
(deny file-read* (subpath {home}))
(allow file-read-metadata (subpath {home}))
(allow file-read* (subpath {work}){readable})
"""


def profile(work: Path, home: Path, readable: Iterable[Path]) -> str:
    """The rules, later ones first in force: one writable folder, of the home only what is named."""
    allowed = "".join(f" (subpath {_quoted(folder)})" for folder in readable)
    return _PROFILE.format(work=_quoted(work), home=_quoted(home), readable=allowed)


def command_line(work: Path, home: Path, readable: Iterable[Path], python: Path, inside: Path) -> list[str]:
    """sandbox-exec with the profile, and the wrapper that runs the job."""
    rules = profile(work, home, [*readable, inside])
    return ["/usr/bin/sandbox-exec", "-p", rules, str(python), "-I", "-B", str(inside / "wrapper.py")]


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
