"""Which candidates go into the prompt: by rank, within the budget, none twice, none that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from qwen_lsp.assist.context.sources import CursorPlace, FoundSnippets, Snippet
from qwen_lsp.assist.context.word_similarity import dice, words

CHARS_PER_TOKEN = 4
_HEADER_TOKENS = 4
_WINDOW_LINES = 256
_IN_WINDOW = 0.5
"""Share of a candidate's telling lines that may stand in the window already."""
_TWICE = 0.85
_TOO_LIKE = 0.6
"""More like the lines at the cursor than this, and the model copies instead of writing (llama.vim uses 0.5)."""
_TELLING = 12


def cost_tokens(snippet: Snippet) -> int:
    """About how many tokens a snippet takes."""
    return (len(snippet.text) + len(snippet.path)) // CHARS_PER_TOKEN + _HEADER_TOKENS


def choose(
    here: CursorPlace,
    found: Iterable[FoundSnippets],
    held: Sequence[Snippet],
    budget_tokens: int,
    shown_path: Callable[[Path], str],
) -> tuple[Snippet, ...]:
    """`held` as it is, and after it the best candidates that still fit."""
    window = {line.strip() for line in here.window(_WINDOW_LINES) if len(line.strip()) >= _TELLING}
    chosen = list(held)
    known = [words(snippet.text) for snippet in chosen]
    left = budget_tokens - sum(map(cost_tokens, chosen))
    for candidate in sorted(found, key=lambda f: (-f.score, str(f.path), f.text)):
        text = candidate.text.strip("\n")
        names = words(text)
        if not text.strip() or _is_in_window(text, window) or dice(names, here.near_words) > _TOO_LIKE:
            continue
        if any(dice(names, other) > _TWICE for other in known) or any(text in s.text for s in chosen):
            continue
        snippet = Snippet(shown_path(candidate.path), text, candidate.why)
        if cost_tokens(snippet) <= left:
            chosen.append(snippet)
            known.append(names)
            left -= cost_tokens(snippet)
    return tuple(chosen)


def _is_in_window(text: str, window: set[str]) -> bool:
    telling = [line.strip() for line in text.splitlines() if len(line.strip()) >= _TELLING]
    return bool(telling) and sum(line in window for line in telling) > _IN_WINDOW * len(telling)
