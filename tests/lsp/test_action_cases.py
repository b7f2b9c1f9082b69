"""Every action with every style of answer, good and bad, over real stdio: the right edit, a reason, or cancelled.

The table of actions is actions.toml beside this file; the styles are below. One server process serves all cases.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.code.syntax import parses
from tests.support.lsp.action_bench import Bench, utf16
from tests.support.lsp.apply_edits import apply_workspace_edit

pytestmark = pytest.mark.process

TABLE = tomllib.loads((Path(__file__).with_name("actions.toml")).read_text("utf-8"))["action"]
CUSTOM = [{"title": "Shorter", "prompt": "Write this shorter.", "languages": "typescript"}]


@dataclass(frozen=True)
class Style:
    """How a model might answer, and what must come of it."""

    name: str
    answer: Callable[[dict[str, Any]], str]
    ends: str = "edit"
    """edit, confirmed, cancelled, or a part of the reason for refusing."""
    finish: str = "stop"
    typed: str = ""
    """Text typed meanwhile: at the document's start ("above"), its end ("below") or inside the code ("inside")."""


def fence(code: str, tag: str = "", ticks: str = "```") -> str:
    return f"{ticks}{tag}\n{code.strip(chr(10))}\n{ticks}"


def good(row: dict[str, Any]) -> str:
    return fence(row["good"], row["language"])


def indented(code: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in code.strip("\n").split("\n"))


def half(row: dict[str, Any]) -> str:
    rows = row["good"].strip("\n").split("\n")
    return f"```{row['language']}\n" + "\n".join(rows[: max(1, len(rows) // 3)])


def elided(row: dict[str, Any]) -> str:
    mark = "#" if row["language"] == "python" else "//"
    rows = row["good"].strip("\n").split("\n")
    return fence("\n".join([rows[0], f"    {mark} ... rest of the code unchanged ...", rows[-1]]))


def selected(row: dict[str, Any]) -> str:
    """The code as it is, for the answer that changes nothing."""
    text = row["before"].replace("«", "").replace("»", "")
    return str(text)


STYLES = [
    Style("a fenced block", good),
    Style("a block among words", lambda row: f"Sure! Here it is:\n\n{good(row)}\n\nI hope this helps."),
    Style("a block without a tag", lambda row: fence(row["good"])),
    Style("a block of tildes", lambda row: fence(row["good"], row["language"], "~~~")),
    Style("a longer fence", lambda row: fence(row["good"], row["language"], "`````")),
    Style("windows line ends", lambda row: good(row).replace("\n", "\r\n")),
    Style("indented too far", lambda row: fence(indented(row["good"], " " * 12))),
    Style("blank lines around", lambda row: fence("\n\n" + row["good"].strip("\n") + "\n\n\n")),
    Style("words inside the fence", lambda row: fence("Here is the code:\n" + row["good"].strip("\n"))),
    Style("a second block of usage", lambda row: f"{good(row)}\nUsage:\n{fence('run it')}"),
    Style("bare code", lambda row: row["good"]),
    Style("an unclosed fence", lambda row: good(row).removesuffix("```")),
    Style("typed above meanwhile", good, typed="above"),
    Style("typed below meanwhile", good, typed="below"),
    Style("typed inside meanwhile", good, "changed while the model wrote", typed="inside"),
    Style(
        "words only",
        lambda row: "I would rather explain: this code is fine as it is.",
        "words instead of code",
    ),
    Style(
        "an apology", lambda row: "I'm sorry, but I cannot help with that request.", "words instead of code"
    ),
    Style("nothing", lambda row: "", "no answer"),
    Style("an empty block", lambda row: "```\n```", "instead of code"),
    Style("cut at the limit", half, "cut off at the limit", finish="length"),
    Style("broken off", half, "broke off"),
    Style("parts left out", elided, "left code out"),
    Style("a patch", lambda row: fence("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y", "diff"), "patch"),
    Style("a marker of the model", lambda row: fence(row["good"] + "<|im_end|>"), "its own marker"),
    Style("cancelled", good, "cancelled"),
]
CASES = [(row, style) for row in TABLE for style in STYLES]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("actions"), settings={"actions": {"custom": CUSTOM}})
    yield made
    made.client.__exit__()


@dataclass
class Case:
    """One open document and its selection."""

    bench: Bench
    row: dict[str, Any]
    uri: str
    text: str
    range: dict[str, Any]
    start: int
    version: int = 1

    @classmethod
    def open(cls, bench: Bench, row: dict[str, Any], newline: str = "\n") -> Case:
        marked = row["before"].strip("\n") + "\n"
        start = marked.index("«")
        bare = marked.replace("«", "")
        end = bare.index("»") if "»" in bare else start
        text = bare.replace("»", "")
        span = {"start": utf16(text, start), "end": utf16(text, end)}
        uri = (bench.folder / f"case{next(bench.numbers)}").as_uri()
        text = text.replace("\n", newline)
        bench.client.open(uri, text, row["language"])
        return cls(bench, row, uri, text, span, start)

    def listed(self) -> dict[str, Any]:
        """The action of this row, from the list."""
        found = []
        if "problem" in self.row:
            found = [{"range": self.range, "message": self.row["problem"], "severity": 1}]
        params = {
            "textDocument": {"uri": self.uri},
            "range": self.range,
            "context": {"diagnostics": found, "triggerKind": 2},
        }
        actions = self.bench.client.request("textDocument/codeAction", params)
        action: dict[str, Any] = next(a for a in actions if a["kind"] == self.row["kind"])
        assert "edit" not in action
        assert action["tags"] == [1]
        return action

    def type(self, where: str) -> None:
        """Change the document while the model writes."""
        self.version += 1
        rows = self.text.split("\n")
        if where == "inside":
            line = self.range["start"]["line"]
            place = (line, len(rows[line].encode("utf-16-le")) // 2)
        else:
            place = (0, 0) if where == "above" else (len(rows) - 1, 0)
        comment = "# new" if self.row["language"] == "python" else "// new"
        typed = f" {comment}" if where == "inside" else f"{comment} line\n"
        self.bench.client.change(self.uri, self.version, (place, place, typed))
        rows[place[0]] = rows[place[0]] + typed if where == "inside" else typed + rows[place[0]]
        self.text = "\n".join(rows)

    def expected(self, style: Style) -> str:
        after = str(self.row["after"].strip("\n") + "\n")
        comment = "# new line\n" if self.row["language"] == "python" else "// new line\n"
        return {"above": comment + after, "below": after + comment}.get(style.typed, after)

    def applied(self, action: dict[str, Any]) -> str:
        texts = {self.uri: self.text}
        apply_workspace_edit(action["edit"], texts, {self.uri: self.version}, "utf-16")
        return texts[self.uri]


def name(value: Any) -> str:
    return value.name.replace(" ", "-") if isinstance(value, Style) else str(value["kind"])


@pytest.mark.parametrize(("row", "style"), CASES, ids=name)
def test_an_answer_ends_well(bench: Bench, row: dict[str, Any], style: Style) -> None:
    case = Case.open(bench, row)
    action = case.listed()
    waits = bool(style.typed) or style.ends == "cancelled"
    bench.say(style.answer(row), style.finish, wait=waits)
    seen, events = len(bench.client.received), len(bench.events())
    request = bench.client.start_request("codeAction/resolve", action)
    if waits:
        bench.wait_for_event("asked", events)
    if style.typed:
        case.type(style.typed)
        bench.client.request("workspace/executeCommand", {"command": "qwen_lsp.status", "arguments": []})
        bench.say(style.answer(row), style.finish)
    if style.ends == "cancelled":
        bench.client.cancel(request)
    check(case, style, bench.client.answer(request), bench.client.received[seen:])
    ended = [event["event"] for event in bench.events()[events:] if event["event"] != "asked"]
    assert len(ended) == 1  # one question, one ending: nothing goes on behind the user's back


def check(case: Case, style: Style, answer: dict[str, Any], received: list[dict[str, Any]]) -> None:
    if style.ends == "cancelled":
        assert answer["error"]["code"] == -32800
        return
    assert "error" not in answer, answer
    said = [m["params"]["message"] for m in received if m.get("method") == "window/showMessage"]
    if style.ends == "edit":
        assert said == []
        after = case.applied(answer["result"])
        assert after == case.expected(style)
        assert parses(after, case.row["language"]) is not False
        if case.row["language"] == "python":
            ast.parse(after)
        return
    assert answer["result"].get("edit") is None
    assert len(said) == 1
    assert style.ends in said[0]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 120
