"""Where our files live. `QWEN_LSP_HOME` puts all of them under one folder (tests, portable use)."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

_APP = "qwen-lsp"


@dataclass(frozen=True, slots=True)
class Paths:
    """Folders of this user; none is created by looking at it."""

    config: Path
    """config.toml"""
    cache: Path
    """Things that can be made again: the starter model, saved KV, logs, explanations."""
    data: Path
    """Things the user would miss: statistics, conversations, presets."""
    runtime: Path
    """The host's state file and lock; private to the user."""


def own_folder(folder: Path) -> Path:
    """The folder, made when it is missing, open to this user alone also where an earlier version left it open."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(OSError):  # somebody else's folder stays as it is
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    return folder


def own_file(file: Path) -> Path:
    """The file, made when it is missing, readable by this user alone; its folder too."""
    own_folder(file.parent)
    with suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
    return file


def write_atomically(file: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file whole or not at all: a reader, and a crash, find the old content or the new, never half.

    Makes the folder when it is missing. Raises OSError, with nothing left behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content.encode("utf-8") if isinstance(content, str) else content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, mode)
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def paths() -> Paths:
    """The folders in force now (the environment is read at each call, so tests can move them)."""
    home = os.environ.get("QWEN_LSP_HOME")
    if home:
        root = Path(home).expanduser()
        return Paths(root / "config", root / "cache", root / "data", root / "run")
    dirs = platformdirs.PlatformDirs(_APP, appauthor=False)
    # Without a session of systemd's, Linux names no runtime folder; a fallback in /tmp would be anybody's.
    no_runtime = sys.platform == "linux" and not os.environ.get("XDG_RUNTIME_DIR")
    runtime = dirs.user_cache_path / "run" if no_runtime else dirs.user_runtime_path
    return Paths(dirs.user_config_path, dirs.user_cache_path, dirs.user_data_path, runtime)
