"""Twenty editor windows on one host: one model in memory, four typed in at a time, none starved.

python -m benchmarks.windows [windows]     the model is random: 128 wide, 4 layers, 8 experts
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.keystroke_model import write_benchmark_model
from benchmarks.keystroke_script import Key
from benchmarks.keystroke_window import Window
from qwen_lsp.host.launch import running
from qwen_lsp.metrics import percentile
from qwen_lsp.samples import PROGRAMS

_TYPED_IN_AT_ONCE = 4
_KEYS = 12
_KEY_GAP_S = 0.15
_MOST_RATIO = 3.0
"""Four at a time over one window, at p95; more is a miss and the exit code says so."""
_TYPED = "total = compute(value)"


def main(count: int) -> int:
    """Run it and print the table; 1 when a window starved, waited too long or a second host came."""
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-windows-") as folder:
        home = Path(folder)
        environment = _environment(home)
        os.environ.update(environment)
        try:
            return _measure(home, environment, count)
        finally:
            stop = [sys.executable, "-m", "qwen_lsp", "serve", "--stop"]
            subprocess.run(stop, check=False, stdout=subprocess.DEVNULL, timeout=60)


def _measure(home: Path, environment: dict[str, str], count: int) -> int:
    windows: list[Window] = []
    try:
        for _ in range(count):
            windows.append(Window(home, "auto", environment))
        for window in windows:
            window.wait_until_ready()
        host = running()
        assert host is not None
        alone = _type_in(windows[:1], rounds=4)[0]
        together: list[list[float]] = []
        for begins in range(0, count, _TYPED_IN_AT_ONCE):
            together += _type_in(windows[begins : begins + _TYPED_IN_AT_ONCE], rounds=2)
        return _report(host.pid, windows, home, alone, together)
    finally:
        for window in windows:
            window.client.__exit__()


def _type_in(windows: Sequence[Window], rounds: int) -> list[list[float]]:
    """Type into these windows at once; the milliseconds of each answer, by window."""
    times: list[list[float]] = [[] for _ in windows]

    def type_in(index: int) -> None:
        for number in range(rounds):
            text = PROGRAMS[(index + number) % len(PROGRAMS)].code
            windows[index].open(f"# {number}\n{text}\n", len(f"# {number}\n{text}\n"))
            windows[index].ask(Key("jump"))  # the file is read here, in every design
            for key in range(_KEYS):
                windows[index].edit(windows[index].cursor, windows[index].cursor, _TYPED[key])
                began = time.monotonic()
                times[index].append(windows[index].ask(Key("type", _TYPED[key])).ms)
                time.sleep(max(0.0, _KEY_GAP_S - (time.monotonic() - began)))

    threads = [threading.Thread(target=type_in, args=(index,)) for index in range(len(windows))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _report(
    host: int, windows: Sequence[Window], home: Path, alone: list[float], together: list[list[float]]
) -> int:
    log = (home / "cache" / "host.log").read_text("utf-8", "replace")
    hosts = log.count("listens at")
    servers = [psutil.Process(window.client.process.pid) for window in windows]
    each = [server.memory_info().rss / 1e6 for server in servers]
    shared = psutil.Process(host).memory_info().rss / 1e6
    everyone = [ms for times in together for ms in times]
    one_p95, all_p95 = percentile(alone, 0.95) or 0.0, percentile(everyone, 0.95) or 0.0
    starved = sum(len(times) < 2 * _KEYS for times in together)
    print(f"windows            {len(windows)}, typed in {_TYPED_IN_AT_ONCE} at a time, {len(everyone)} keys")
    print(f"hosts started      {hosts}; windows that loaded a model: {sum(_has_mlx(s) for s in servers)}")
    print(
        f"resident memory    host {shared:.0f} MB + windows {sum(each):.0f} MB = {shared + sum(each):.0f} MB"
    )
    print(f"                   a window {min(each):.0f} to {max(each):.0f} MB")
    print(f"one window         median {percentile(alone, 0.5):.0f} ms, p95 {one_p95:.0f} ms")
    print(f"four at a time     median {percentile(everyone, 0.5):.0f} ms, p95 {all_p95:.0f} ms")
    print(
        f"p95 ratio          {all_p95 / one_p95:.2f} (<= {_MOST_RATIO})   slowest answer {max(everyone):.0f} ms"
    )
    print(f"starved windows    {starved}")
    return int(hosts != 1 or starved > 0 or all_p95 > _MOST_RATIO * one_p95)


def _has_mlx(process: psutil.Process) -> bool:
    return any("mlx" in file.path for file in process.memory_maps())


def _environment(home: Path) -> dict[str, str]:
    model = write_benchmark_model(home / "model", [program.code for program in PROGRAMS])
    return {
        "QWEN_LSP_HOME": str(home),
        "QWEN_LSP_ENGINE_MODEL": str(model),
        "QWEN_LSP_HOST_PORT": "0",
        "QWEN_LSP_HOST_PAGE": "false",
        "QWEN_LSP_RECALL_MODE": "off",
        "QWEN_LSP_SUGGEST_MIN_CONFIDENCE": "0",
    }


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
