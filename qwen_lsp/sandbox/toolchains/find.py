"""Finding interpreters and compilers for contained runs, and what they need to read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qwen_lsp.errors import SandboxUnavailable

_ASK_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A program and the folders it reads."""

    program: str
    readable: tuple[Path, ...] = ()


def find_python(project: Path | None, module: str) -> Tool:
    """A Python that has `module`: the project's own environment, else the one that runs us."""
    tried: list[str] = []
    for program in _pythons(project):
        found = _python(program, module)
        if found is not None:
            return found
        tried.append(program)
    raise SandboxUnavailable(
        f"No Python here has {module} (looked at {', '.join(tried) or 'none'}). Install it: python -m pip install {module}"
    )


def find_tool(name: str, title: str) -> Tool:
    """A program on the PATH outside a home-made wrapper; raises SandboxUnavailable when it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise SandboxUnavailable(f"{title} is not installed here, so its tests cannot be run.")
    real = Path(found).resolve()
    return Tool(str(real), (real.parent.parent,))


def find_cargo() -> Tool:
    """The real cargo beside rustc: rustup's stand-in needs the home folder, which is not there inside."""
    find_tool("cargo", "Rust's cargo")
    root = _asked(("rustc", "--print", "sysroot"))
    if not root or not (Path(root) / "bin" / "cargo").exists():
        raise SandboxUnavailable(
            "cargo was found, but not the Rust toolchain it belongs to (rustc --print sysroot)."
        )
    return Tool(str(Path(root) / "bin" / "cargo"), (Path(root),))


def find_go() -> Tool:
    """go with its own folder."""
    tool = find_tool("go", "Go")
    root = _asked((tool.program, "env", "GOROOT"))
    return Tool(tool.program, (Path(root), *tool.readable) if root else tool.readable)


def _pythons(project: Path | None) -> list[str]:
    own = [project / name / "bin" / "python" for name in (".venv", "venv")] if project is not None else []
    return [str(path) for path in own if path.exists()] + [sys.executable]


@lru_cache(maxsize=16)
def _python(program: str, module: str) -> Tool | None:
    """The interpreter, when it has the module; asked in isolated mode, so no code of the project runs."""
    code = f"import sys, importlib.util as u; print(sys.prefix, sys.base_prefix, bool(u.find_spec({module!r})), sep='\\n')"
    said = _asked((program, "-I", "-c", code)).splitlines()
    if len(said) != 3 or said[2] != "True":
        return None
    real = Path(os.path.realpath(program)).parent.parent
    return Tool(program, tuple(dict.fromkeys((Path(said[0]), Path(said[1]), real))))


@lru_cache(maxsize=32)
def _asked(command: tuple[str, ...]) -> str:
    try:
        said = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASK_TIMEOUT_S, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
