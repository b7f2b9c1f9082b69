"""Containment on Linux: the command line for bubblewrap. A pure plan; contained.py runs it.

Inside there is the system's /usr (read-only), what the job may read, and one writable folder, WORK, in memory
and limited. No network, no home, no other processes, no way to gain rights. /tmp leads into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from qwen_lsp.sandbox.job import Job, RunLimits

WORK, GIVEN, INSIDE = "/qwen-lsp/work", "/qwen-lsp/given", "/qwen-lsp/inside"
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/java-11-openjdk", "/etc/java-17-openjdk", "/etc/java-21-openjdk", "/etc/java-25-openjdk", "/etc/maven",
    "/etc/nsswitch.conf",
)  # fmt: skip
_SHARED_MEMORY_BYTES = 16 * 2**20
_NOBODY = "65534"


def command_line(
    bwrap: str,
    job: Job,
    limits: RunLimits,
    *,
    given: Path,
    inside: Path,
    python: Path,
    readable: Iterable[Path],
    knows: frozenset[str],
    as_root: bool,
) -> list[str]:
    """The whole command: bubblewrap, the mounts, and the wrapper that runs the job. `knows`: its long options."""
    sized = ["--size", str(limits.disk_bytes)] if "--size" in knows else []
    small = ["--size", str(_SHARED_MEMORY_BYTES)] if "--size" in knows else []
    line = [
        bwrap,
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]
    if "--disable-userns" in knows:
        line.append("--disable-userns")
    if as_root:
        line += ["--uid", _NOBODY, "--gid", _NOBODY]
    line += ["--clearenv", *_set(environment(job, WORK))]
    line += ["--ro-bind", "/usr", "/usr", *_system()]
    for path in _SETTINGS:
        line += ["--ro-bind-try", path, path]
    line += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", *small, "--tmpfs", "/dev/shm"]
    folders = _outermost(readable)
    for folder in folders:
        line += ["--ro-bind", str(folder), str(folder)]
    line += ["--ro-bind", str(inside), INSIDE, "--ro-bind", str(given), GIVEN, *sized, "--tmpfs", WORK]
    for name, folder in job.linked.items():
        line += ["--ro-bind", str(folder), f"{WORK}/{name}"]
    if not any(folder.is_relative_to("/tmp") for folder in folders):
        line += ["--symlink", f"{WORK}/.tmp", "/tmp"]
    line += ["--chdir", WORK, "--remount-ro", "/"]
    return [*line, "--", str(python), "-I", "-B", f"{INSIDE}/wrapper.py"]


def environment(job: Job, work: str) -> Mapping[str, str]:
    """The only variables a job sees; {work} in a value is the work folder."""
    own = {name: value.replace("{work}", work) for name, value in job.environment.items()}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": f"{work}/.home",
        "TMPDIR": f"{work}/.tmp",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **own,
    }


def _set(variables: Mapping[str, str]) -> list[str]:
    return [word for name, value in variables.items() for word in ("--setenv", name, value)]


def _system() -> list[str]:
    """/bin and kin: links into /usr on most systems, folders of their own on others."""
    words: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    return words


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """The folders that lie neither in /usr nor in one another."""
    kept: list[Path] = []
    for folder in sorted(set(folders), key=lambda path: len(path.parts)):
        if not folder.is_relative_to("/usr") and not any(folder.is_relative_to(other) for other in kept):
            kept.append(folder)
    return kept
