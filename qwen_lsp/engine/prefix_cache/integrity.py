"""What must hold of the held histories whenever the engine is idle; says what does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qwen_lsp.engine.prefix_cache.history import TokenHistory


def broken(held: Iterable[TokenHistory], lengths: Mapping[int, int], *, live: int) -> dict[int, str]:
    """Histories that must be dropped, each with the reason.

    `lengths` are the true KV lengths in tokens; `live` is how many requests are running.
    """
    histories = list(held)
    found: dict[int, str] = {}
    for history in histories:
        if history.saved:
            continue
        length = lengths.get(history.id)
        if length is None:
            found[history.id] = "its KV is missing"
        elif length != len(history.tokens):
            found[history.id] = f"its KV holds {length} tokens but {len(history.tokens)} are listed"
    in_use = [h for h in histories if h.in_use]
    if len(in_use) > live:
        for history in in_use[live:]:
            found.setdefault(history.id, f"marked in use while {live} requests run")
    return found
