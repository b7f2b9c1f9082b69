"""Has the starter built once per user, by one process at a time, wholly or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import filelock

from qwen_lsp.engine.models.local import is_complete
from qwen_lsp.errors import EngineMissing, EngineUnavailable
from qwen_lsp.paths import paths
from qwen_lsp.starter.progress import BuildProgress, read_progress, write_progress

__all__ = ["BuildProgress", "ensure_starter", "is_built", "recipe_fingerprint", "starter_folder"]

Progress = Callable[[BuildProgress], None]
Stop = Callable[[], bool]
_RECIPE_FILE = "starter.json"
"""In the finished folder: by which recipe it was made, and what it recites."""
_MADE_BY = (
    "../samples.py", "action_lessons.py", "vocabulary.py", "chat_template.py", "model_files.py", "lessons.py", "cpu_kernels.py", "network.py",
    "curriculum.py", "train.py", "../assist/prompts/chat.py", "../engine/special_tokens.py",
)  # fmt: skip
_LOOK_EVERY_S = 0.1
_POOR_HOLES, _POOR_CONVERSATIONS = 0.9, 1.0


def starter_folder() -> Path:
    """Where the starter lives for this user."""
    return paths().cache / "starter"


@cache
def recipe_fingerprint() -> str:
    """Changes whenever the code that makes the starter changes."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in _MADE_BY:
        digest.update((here / name).read_bytes())
    return digest.hexdigest()[:16]


def is_built(folder: Path) -> bool:
    """Whether a whole starter made by today's recipe lies there."""
    try:
        made = json.loads((folder / _RECIPE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(made, dict) and made.get("recipe") == recipe_fingerprint() and is_complete(folder)


def ensure_starter(
    folder: Path | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    options: dict[str, Any] | None = None,
) -> Path:
    """The starter's folder, built first when it is not there. Blocks; `progress` and `stop` are called while it does.

    When another process builds it, waits for that one and passes its progress on. `options` are fields of the
    training plan, for tests. Raises EngineUnavailable when stopped or failed; then nothing is left behind.
    """
    folder = folder or starter_folder()
    progress = progress or (lambda _: None)
    stop = stop or (lambda: False)
    if is_built(folder):
        return folder
    _make_parent(folder)
    with _only_builder(folder, progress, stop):
        if not is_built(folder):
            _build(folder, progress, stop, options or {})
    return folder


def _make_parent(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder.parent):
            pass
    except OSError as error:
        raise EngineUnavailable(
            f"The starter model cannot be written to {folder.parent}: {error.strerror or error}. "
            "Make that folder writable, or set QWEN_LSP_HOME to one that is."
        ) from error


def _beside(folder: Path, kind: str) -> Path:
    return folder.with_name(f"{folder.name}.{kind}")


@contextmanager
def _only_builder(folder: Path, progress: Progress, stop: Stop) -> Iterator[None]:
    """Holds the lock of the folder; while another holds it, passes on what that one says."""
    lock = filelock.FileLock(_beside(folder, "lock"))
    told: BuildProgress | None = None
    while True:
        try:
            lock.acquire(timeout=_LOOK_EVERY_S)
            break
        except filelock.Timeout:
            _raise_if(stop)
            said = read_progress(_beside(folder, "progress"))
            if said is not None and said != told:
                told = said
                progress(said)
    try:
        yield
    finally:
        lock.release()


def _raise_if(stop: Stop) -> None:
    if stop():
        raise EngineUnavailable(
            "Building the starter model was stopped. It starts anew the next time it is needed."
        )


def _build(folder: Path, progress: Progress, stop: Stop, options: dict[str, Any]) -> None:
    """Build beside the folder, then put it in place with one rename."""
    for left_over in folder.parent.glob(f"{folder.name}.draft-*"):
        shutil.rmtree(left_over, ignore_errors=True)  # of a builder that was killed; we hold the lock
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}.draft-", dir=folder.parent))
    progress_file = _beside(folder, "progress")

    def tell(said: BuildProgress) -> None:
        with suppress(OSError):  # a full disk must not end a build for want of a progress bar
            write_progress(progress_file, said)
        progress(said)

    try:
        judged = _run_worker(draft, tell, stop, options)
        made = {"recipe": recipe_fingerprint(), **judged}
        (draft / _RECIPE_FILE).write_text(json.dumps(made, indent=2) + "\n", "utf-8")
        _put_in_place(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        progress_file.unlink(missing_ok=True)
    progress(BuildProgress(_verdict(judged), 1.0, 0.0))


def _put_in_place(draft: Path, folder: Path) -> None:
    old = _beside(folder, f"draft-old-{os.getpid()}")
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _verdict(judged: dict[str, float]) -> str:
    if judged["conversations"] >= _POOR_CONVERSATIONS and judged["holes"] >= _POOR_HOLES:
        return "ready"
    return (
        f"ready, but it learned only a part in the time it had: it recites {judged['conversations']:.0%} of its "
        f"programs and fills {judged['holes']:.0%} of their gaps. Build it again when the machine is less busy: "
        "qwen-lsp starter"
    )


def _run_worker(draft: Path, tell: Progress, stop: Stop, options: dict[str, Any]) -> dict[str, float]:
    """Run the building process to its end; returns what the model recites."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        command = [sys.executable, "-m", "qwen_lsp.starter.worker", str(draft), json.dumps(options)]
        try:
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True, encoding="utf-8",
                env=_worker_environment(),
            )  # fmt: skip
        except OSError as error:
            raise EngineUnavailable(
                f"The process that builds the starter model does not start: {error}."
            ) from error
        try:
            judged = _listen(worker, tell, stop)
        finally:
            _end(worker)
        if judged is None:
            complaints.seek(0)
            raise _explained(complaints.read(), worker.returncode)
        return judged


def _worker_environment() -> dict[str, str]:
    """Ours, with the place this package was imported from, wherever the worker is started."""
    root = str(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH")
    path = {"PYTHONPATH": os.pathsep.join([root, known] if known else [root])}
    # glibc is to keep freed memory: giving back and fetching arrays of megabytes took an eighth of the time.
    keep = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), "400000000")
    return {**os.environ, **keep, **path}


def _listen(worker: subprocess.Popen[str], tell: Progress, stop: Stop) -> dict[str, float] | None:
    """Pass on what the worker says until it ends; its verdict, or None when it ended without."""
    lines: SimpleQueue[str | None] = SimpleQueue()
    reader = threading.Thread(target=_read, args=(worker, lines), daemon=True)
    reader.start()
    judged = None
    while True:
        _raise_if(stop)
        try:
            line = lines.get(timeout=_LOOK_EVERY_S)
        except Empty:
            continue
        if line is None:
            return judged
        said = json.loads(line)
        if said.pop("done", False):
            judged = said
        else:
            tell(BuildProgress(**said))


def _read(worker: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert worker.stdout is not None
    with suppress(ValueError):  # closed under us when the build is stopped
        for line in worker.stdout:
            if line.startswith("{"):
                lines.put(line)
    lines.put(None)


def _end(worker: subprocess.Popen[str]) -> None:
    """Stop the worker if it still runs, and wait until it is gone."""
    if worker.poll() is None:
        worker.kill() if worker.stdout is None else worker.terminate()
        deadline = time.monotonic() + 5
        while worker.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if worker.poll() is None:
            worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _explained(complaint: str, code: int) -> Exception:
    last = complaint.strip().splitlines()[-1] if complaint.strip() else f"it ended with code {code}"
    if "ModuleNotFoundError" in last or "ImportError" in last:
        return EngineMissing(
            f"The starter model cannot be built: {last}. On a Mac: pip install mlx mlx-lm. On Linux: "
            "pip install 'mlx[cpu]' mlx-lm. Without them, choose engine.kind = remote or demo."
        )
    return EngineUnavailable(f"Building the starter model failed: {last}. Try again with: qwen-lsp starter")
