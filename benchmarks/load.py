"""What a developer who types asks of the engine: real code at a person's pace, counted by the host and by the windows.

python -m benchmarks.load [seconds]     the model is random and never says what is typed next: an upper bound
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.keystroke_model import write_benchmark_model
from benchmarks.keystroke_script import Script, scripts
from benchmarks.keystroke_window import Window, carry_out
from qwen_lsp.host.launch import running
from qwen_lsp.samples import PROGRAMS

_DEVELOPERS = 2
_KEYS_A_SECOND = 3.0
_COUNTED = re.compile(r'qwen_lsp_(requests|tokens)_total\{(?:lane|kind)="(\w+)"\} (\S+)')


def main(seconds: int) -> int:
    """Type for so long, and print what that asked of the engine."""
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-load-") as folder, _windows(Path(folder)) as windows:
        made = scripts(_DEVELOPERS, round(_DEVELOPERS * seconds * _KEYS_A_SECOND))
        began = time.monotonic()
        threads = [threading.Thread(target=_type, args=pair) for pair in zip(windows, made, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        typed_s = _DEVELOPERS * (time.monotonic() - began)
        sources = Counter(f"{trace['source']} {trace['reason']}".strip() for trace in windows[0].traces())
        _print(_counted_by_the_host(), sources, sum(len(script.keys) for script in made), typed_s)
    return 0


def _type(window: Window, script: Script) -> None:
    """Type the script at a person's pace; a question that is not answered at the next key is cancelled."""
    window.open(script.text, script.cursor)
    home, open_question, due = window.cursor, None, time.monotonic()
    for key in script.keys:
        home = carry_out(window, key, home)
        if open_question is not None and not window.client.answers(open_question):
            window.client.cancel(open_question)
        open_question = window.start()
        due += 1 / _KEYS_A_SECOND
        time.sleep(max(0.0, due - time.monotonic()))
    window.client.answer(open_question)


def _counted_by_the_host() -> dict[str, float]:
    """Requests by lane and tokens by kind."""
    host = running()
    assert host is not None
    with urllib.request.urlopen(f"{host.url}/metrics", timeout=10) as answer:
        return {
            f"{what} {kind}": float(count) for what, kind, count in _COUNTED.findall(answer.read().decode())
        }


def _print(counted: dict[str, float], sources: Counter[str], keys: int, typed_s: float) -> None:
    print(f"typed         {keys} keys by {_DEVELOPERS} developers, {keys / typed_s:.1f} a second each")
    print(f"answered by   {dict(sources.most_common())}")
    for name, count in sorted(counted.items()):
        print(f"{name:22} {count:9.0f}   {count / typed_s:8.2f} a second and developer")


@contextlib.contextmanager
def _windows(home: Path) -> Iterator[Sequence[Window]]:
    environment = {
        "QWEN_LSP_HOME": str(home),
        "QWEN_LSP_ENGINE_MODEL": str(
            write_benchmark_model(home / "model", [program.code for program in PROGRAMS])
        ),
        "QWEN_LSP_HOST_PORT": "0",
        "QWEN_LSP_HOST_PAGE": "false",
        "QWEN_LSP_SUGGEST_MIN_CONFIDENCE": "0",
    }
    os.environ.update(environment)
    windows: list[Window] = []
    try:
        for _ in range(_DEVELOPERS):
            windows.append(Window(home, "auto", environment))
            windows[-1].wait_until_ready()
        yield windows
    finally:
        for window in windows:
            window.client.__exit__()
        stop = [sys.executable, "-m", "qwen_lsp", "serve", "--stop"]
        subprocess.run(stop, check=False, stdout=subprocess.DEVNULL, timeout=60)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 120))
