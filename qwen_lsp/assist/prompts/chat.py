"""A hole as a conversation, for models that have no fill-in-the-middle tokens."""

from __future__ import annotations

from qwen_lsp.assist.prompts.fim import Hole
from qwen_lsp.engine.request import ChatPrompt, Message

HOLE = "<HOLE>"
_SYSTEM = (
    "You complete code. The user shows a file in which one place is marked {hole}. Answer with exactly the text "
    "that belongs there and nothing else: no explanation, no fences, no repetition of what stands around it."
)


def hole_as_chat(hole: Hole, language: str) -> ChatPrompt:
    """Ask a chat model to fill the hole. The frozen window comes first, what is typed last."""
    # A mark that the user's own code spells would make two holes.
    mark = HOLE
    while mark in hole.prefix or mark in hole.suffix or mark in hole.typed:
        mark = f"<{mark[1:-1]}_>"
    others = "".join(f"File {other.path}:\n{other.text.rstrip()}\n\n" for other in hole.others)
    asked = f"{others}{language} file {hole.path}:\n{hole.prefix}{mark}{hole.suffix}"
    if hole.typed:
        asked += f"\n\nThe text at {mark} begins with the following; go on right after it, without repeating it:\n{hole.typed}"
    system = Message("system", _SYSTEM.format(hole=mark))
    return ChatPrompt((system, Message("user", asked)))
