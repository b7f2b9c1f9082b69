"""Who uses the host, and how long nobody has."""

from __future__ import annotations

import time


class Activity:
    """Who uses the host now, and since when nobody has."""

    _LOOKS = ("/qwen/", "/health", "/metrics", "/v1/models", "/props")

    def __init__(self) -> None:
        self.open = 0
        self._last = time.monotonic()

    def idle_s(self) -> float:
        """Seconds since anybody was here."""
        return 0.0 if self.open else time.monotonic() - self._last

    def counts(self, path: str) -> bool:
        """Whether a request to this path is use, and not only a look."""
        return not path.startswith(self._LOOKS)

    def begin(self) -> None:
        """Somebody came."""
        self.open += 1

    def end(self) -> None:
        """They went."""
        self.open -= 1
        self._last = time.monotonic()
