"""Two limits of llama.cpp's server on an answer: least indentation of new lines, and time once a line is whole."""

from __future__ import annotations


class LlamaLimits:
    """Feeds an answer through; `over` when nothing more may come."""

    def __init__(self, indent: int, most_ms: float) -> None:
        self._indent = indent
        self._most_ms = most_ms
        self._first_ms: float | None = None
        self._new_line = False
        self._held = ""
        self.over = False

    def passed(self, text: str, now_ms: float) -> str:
        """What of the text may be shown."""
        if self.over or not text:
            return ""
        if self._first_ms is None:
            self._first_ms = now_ms
        shown = self._by_indent(text)
        if 0 < self._most_ms <= now_ms - self._first_ms and self._new_line:
            self.over = True
        return shown

    def rest(self) -> str:
        """What was held back when the answer ends by itself."""
        held, self._held = self._held, ""
        return held

    def _by_indent(self, text: str) -> str:
        self._new_line = self._new_line or "\n" in text
        if self._indent <= 0:
            return text
        shown, self._held = self._held + text, ""
        at = shown.find("\n")
        while at >= 0:
            line = shown[at + 1 :]
            room = len(line) - len(line.lstrip(" \t"))
            if room == len(line):  # the line's first word has not come yet
                self._held = shown[at:]
                return shown[:at]
            if room < self._indent and line[room] != "\n":
                self.over = True
                return shown[:at]
            at = shown.find("\n", at + 1)
        return shown
