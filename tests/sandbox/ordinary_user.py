"""An ordinary user for the sandbox's tests. Where the tests run as root (CI), it is a uid without any rights.

That uid cannot run an interpreter in root's home, so it gets an environment of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOBODY = 65534
_PACKAGES = (
    "pytest",
    "_pytest",
    "py",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "psutil",
    "platformdirs",
    "qwen_lsp",
)
_RUN_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class OrdinaryUser:
    """Runs one job at a time as a user who is not root."""

    python: Path
    home: Path

    def run(self, kind: str, files: dict[str, str], **options: Any) -> dict[str, Any]:
        """The verdict of a job as a dictionary; `kind` is program, pytest or unittest."""
        settings = {"timeout_s": 15.0, "memory_bytes": 512 * 2**20, **options}
        order = json.dumps({"kind": kind, "files": files, "options": settings})
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        done = subprocess.run(
            [
                str(self.python),
                str(Path(__file__).with_name("one_run.py") if not as_user else self.home / "one_run.py"),
            ],
            input=order,
            capture_output=True,
            text=True,
            timeout=_RUN_TIMEOUT_S,
            check=False,
            cwd=self.home,
            env={
                "HOME": str(self.home),
                "PATH": os.environ["PATH"],
                "TMPDIR": str(self.home),
                **_path(as_user),
            },
            **as_user,
        )
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        assert said["uid"] != 0
        return said


def ordinary_user(folder: Path) -> OrdinaryUser:
    """Set one up in `folder`."""
    home = folder / "home"
    home.mkdir()
    shutil.copy(Path(__file__).with_name("one_run.py"), home)
    if os.geteuid() != 0:
        return OrdinaryUser(Path(sys.executable), home)
    folder.chmod(0o755)
    os.chown(home, NOBODY, NOBODY)
    return OrdinaryUser(_own_python(folder), home)


def _own_python(folder: Path) -> Path:
    """An environment of that user's own: from an interpreter everyone may run, with the packages needed."""
    base = next((program for program in _interpreters() if _is_open_to_all(program)), None)
    assert base is not None, "no Python 3.11 or newer on this machine can be run by an ordinary user"
    environment = folder / "environment"
    subprocess.run([base, "-m", "venv", "--without-pip", str(environment)], check=True, capture_output=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    for name in _PACKAGES:
        source = importlib.import_module(name).__file__
        assert source is not None
        if Path(source).name != "__init__.py":
            shutil.copy(source, packages)
            continue
        shutil.copytree(Path(source).parent, packages / name, ignore=shutil.ignore_patterns("tests"))
    return environment / "bin" / "python"


def _interpreters() -> list[Path]:
    named = [Path(sys.executable).resolve(), Path("/usr/bin/python3"), Path("/usr/local/bin/python3")]
    return [program for program in named if program.exists() and _version(program) >= (3, 11)]


def _version(program: Path) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    said = subprocess.run([program, "-I", "-c", code], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in said.split())


def _is_open_to_all(program: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in program.resolve().parents)


def _path(as_user: dict[str, Any]) -> dict[str, str]:
    return {} if as_user else {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
