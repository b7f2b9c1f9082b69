"""What is said to a chat model: the system prompt, the target language, and a hole as a conversation."""

from __future__ import annotations

from qwen_lsp.assist.prompts.fim import Hole
from qwen_lsp.engine.request import ChatPrompt, Message

DEFAULT_SYSTEM = "You are a helpful coding assistant."
"""The system prompt the page sends unless the user writes another; the starter is trained with and without it."""
HOLE = "<HOLE>"
FENCE = "```"
INSTRUCTION = (
    "You complete code. The user shows a file in which one place is marked {hole}. Answer with exactly the text "
    "that belongs there, in one fenced block: no explanation, no repetition of what stands around it."
)


def hole_as_chat(hole: Hole, language: str) -> ChatPrompt:
    """Ask a chat model to fill the hole: the frozen window in the question, the line begun in its own answer.

    The model goes on inside the answer, so it cannot repeat the line, and typing changes only the prompt's end.
    """
    # A mark that the user's own code spells would make two holes.
    mark = HOLE
    while mark in hole.prefix or mark in hole.suffix or mark in hole.typed:
        mark = f"<{mark[1:-1]}_>"
    others = "".join(f"File {other.path}:\n{other.text.rstrip()}\n\n" for other in hole.others)
    asked = f"{others}{language} file {hole.path}:\n{hole.prefix}{mark}{hole.suffix}"
    system = Message("system", INSTRUCTION.format(hole=mark))
    return ChatPrompt((system, Message("user", asked)), prefill=f"{FENCE}{language}\n{hole.typed}")


def target_language(name: str) -> str:
    """How the page tells the starter which language was chosen; it learns its requests with and without this line."""
    return f"Target language: {name}"
