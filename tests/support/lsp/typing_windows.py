"""Editor windows that never stop asking, each in its own language server process, over one host; what they got is kept."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qwen_lsp.samples import PROGRAMS, Program
from tests.support.lsp.client import LspClient, server_command

ANSWER_S = 60.0
_PAUSE_S = 0.05
"""After an answer without text; a person would not even be so quick."""
_SETTINGS = {"recall": {"mode": "off"}, "suggest": {"prefetch": False, "debounce_ms": 0}}


class TypingWindow:
    """One window: opens the first half of a program, asks how it goes on, closes it, takes the next one."""

    def __init__(self, environment: Mapping[str, str], settings: Mapping[str, Any] | None = None) -> None:
        self.client = LspClient(server_command(), environment)
        given = {**_SETTINGS, **(settings or {})}
        self.client.initialize("nvim", settings=given, initializationOptions={"qwen_lsp": given})
        self.counts: Counter[str] = Counter()
        self.calm: Mapping[str, str] = {}
        """What the model says when nothing disturbs it, by program: the starter need not know every one to its end."""
        self.wrong: list[str] = []
        self.last_text_at = 0.0
        """When a suggestion last came, on the monotonic clock."""
        self.problem: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; what is under way is waited for."""
        self._stop.set()
        self._thread.join(ANSWER_S + 10)
        assert not self._thread.is_alive(), "a request was never answered"
        if self.problem is not None:
            raise self.problem

    def _run(self) -> None:
        try:
            for number, program in zip(itertools.count(), itertools.cycle(PROGRAMS), strict=False):
                if self._stop.is_set():
                    return
                self._ask(number, program)
        except BaseException as problem:
            self.problem = problem

    def wait_until_ready(self) -> None:
        """Wait until the model is loaded."""
        deadline = time.monotonic() + ANSWER_S
        while self.client.command("qwen_lsp.status")["state"] != "ready":
            assert time.monotonic() < deadline, "the model does not load"
            time.sleep(0.1)

    def learn(self) -> dict[str, str]:
        """Ask once how each program goes on."""
        return {
            program.name: next(iter(self._ask(number, program)), "")
            for number, program in enumerate(PROGRAMS)
        }

    def _ask(self, number: int, program: Program) -> list[str]:
        shown = first_half(program)
        uri = f"file:///work/{number}/{program.file_name}"
        self.client.open(uri, shown, program.language)
        asked_at = time.monotonic()
        asked = self.client.start_inline(uri, shown.count("\n"), 0, manual=False)
        answer = self.client.answer(asked, ANSWER_S)
        self.client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        self.client.received.clear()
        if "error" in answer:
            self.counts["errors"] += 1
            self.wrong.append(str(answer["error"]))
            return []
        inserts = [item["insertText"] for item in answer["result"]["items"]]
        texts = [insert if isinstance(insert, str) else insert["value"] for insert in inserts]
        self.counts["texts" if texts else "empty"] += 1
        if not texts:
            self._stop.wait(_PAUSE_S)
        for text in texts:
            as_written = program.code[len(shown) :].startswith(text.rstrip())
            if not as_written and text != self.calm.get(program.name):
                self.wrong.append(f"{program.name}: {text!r}")
            self.last_text_at = asked_at
        return texts


def first_half(program: Program) -> str:
    """The program up to its middle, where a line with something on it comes next."""
    lines = program.code.rstrip("\n").split("\n")
    middle = next(at for at in range(len(lines) // 2, len(lines)) if lines[at].strip())
    return "\n".join(lines[:middle]) + "\n"


def what_it_says(environment: Mapping[str, str]) -> dict[str, str]:
    """How each program goes on, asked by a window of its own while nothing else happens."""
    window = TypingWindow(environment)
    try:
        window.wait_until_ready()
        return window.learn()
    finally:
        window.client.__exit__()


@contextlib.contextmanager
def typing_windows(
    count: int, environment: Mapping[str, str], calm: Mapping[str, str] | None = None
) -> Iterator[Sequence[TypingWindow]]:
    """So many windows, asking while the block lasts. `calm` is right as well as the programs themselves."""
    windows: list[TypingWindow] = []
    try:
        for _ in range(count):
            windows.append(TypingWindow(environment))
            windows[-1].calm = calm or {}
        for window in windows:
            window.start()
        yield windows
        for window in windows:
            window.stop()
    finally:
        for window in windows:
            window.client.__exit__()
