"""Whatever is typed and asked in whatever order: no exception, one answer an ask, and nothing outside is touched."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.assist.suggestion import CompletionRequest
from qwen_lsp.engine.request import Request
from qwen_lsp.engine.stubs.scripted import Script, ScriptedEngine
from qwen_lsp.errors import EngineUnavailable
from tests.support.assistant_user import Desk, quick

ALPHABET = st.sampled_from([*"ab_ ()[]{}:=\"'\n\t,.é𝄞", "\r\n", "def f(x):\n    ", "return ", "}\n"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["type", "type", "type", "delete", "elsewhere", "jump", "ask", "ask", "key", "popup", "accept"]
        ),
        ALPHABET,
        st.integers(0, 1_000_000),
    ),
    max_size=20,
)


def babble(request: Request) -> Script:
    """Some text that fits nothing in particular, the same for the same prompt; sometimes a failure."""
    dice = random.Random(
        hash((request.prompt.render() if hasattr(request.prompt, "render") else "", request.n))
    )
    words = [
        "return",
        " x",
        "(",
        ")",
        "\n",
        "    ",
        "```",
        "}",
        "é",
        " = 1",
        "\r\n",
        "<|fim_middle|>",
        "def",
        "\t",
    ]
    pieces: list[str | Exception] = [dice.choice(words) for _ in range(dice.randrange(20))]
    if dice.random() < 0.1:
        pieces.append(EngineUnavailable("gone"))
    return pieces


async def play(text: str, steps: list[tuple[str, str, int]]) -> None:
    desk = Desk(text + "¦", ScriptedEngine(babble), quick(prefetch=True))
    desk.cursor = len(text) // 2
    last = None
    asked = 0
    for how, piece, number in steps:
        if how == "type":
            desk.type(piece)
        elif how == "delete":
            desk.backspace(min(desk.cursor, number % 9))
        elif how == "elsewhere":
            at = number % (len(desk.text) + 1)
            desk.edit(at, min(len(desk.text), at + number % 3), piece)
        elif how == "jump":
            desk.cursor = number % (len(desk.text) + 1)
        elif how == "accept":
            if last is not None and last.suggestions and last.trace is not None:
                fresh = await desk.ask(manual=True)
                asked += 1
                if fresh.suggestions:
                    desk.accept(fresh.suggestions[number % len(fresh.suggestions)])
        else:
            ask = desk.ask_value(manual=how == "key")
            if how == "popup":
                line = desk.text[: desk.cursor].replace("\r", "\n").rpartition("\n")[2]
                start = desk.cursor - min(len(line), number % 4)
                ask = desk.ask_value(selected=desk.text[start : desk.cursor] + piece, selected_start=start)
            last = await desk.assistant.complete(ask)
            asked += 1
            for made in last.suggestions:
                _fits(ask, made.text, made.start, made.end)
            assert bool(last.suggestions) != bool(last.reason)
        if number % 7 == 0:
            await desk.assistant._idle_worker.wait()
    assert len(desk.traces.last(1000)) == asked
    await desk.assistant.close()


def _fits(ask: CompletionRequest, text: str, start: int, end: int) -> None:
    """One line is replaced; what stands left of the cursor begins the text, what is swallowed comes back in it."""
    whole = ask.snapshot.text
    assert start <= ask.cursor <= end
    replaced = whole[start:end]
    assert "\n" not in replaced
    assert "\r" not in replaced
    typed = whole[start : ask.cursor]
    assert text.casefold().startswith(typed.casefold())
    rest = iter(text[len(typed) :])
    assert all(closer in rest for closer in whole[ask.cursor : end])
    after = whole[:start] + text + whole[end:]
    assert after.startswith(whole[:start])
    assert after.endswith(whole[end:])
    assert "\r" not in text[len(ask.selected or "") :]
    assert text.strip()


@settings(max_examples=50, deadline=None)
@given(st.lists(ALPHABET, max_size=60).map("".join), STEPS)
def test_any_editing_and_asking_gives_one_fitting_answer_an_ask(
    text: str, steps: list[tuple[str, str, int]]
) -> None:
    asyncio.run(play(text.replace("¦", ""), steps))


def test_asks_that_overtake_each_other_all_get_an_answer() -> None:
    async def run() -> None:
        desk = Desk("def f(x):\n    ¦\n", ScriptedEngine(babble))
        asks = []
        for char in "return x + 1 if x else 2":
            desk.type(char)
            asks.append(asyncio.create_task(desk.assistant.complete(desk.ask_value())))
            if char == " ":
                await asyncio.sleep(0)
        answers = await asyncio.gather(*asks)
        assert len(answers) == len(asks)
        assert [a.reason for a in answers[:-1]].count("superseded") >= len(asks) - 6
        assert desk.scripted.in_flight == 0
        await desk.assistant.close()

    asyncio.run(run())
