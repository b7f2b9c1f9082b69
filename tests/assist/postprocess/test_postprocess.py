"""Polishing while streaming: stops in time, never fails, never depends on how the text is cut into pieces."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.assist.postprocess import Polished, Polisher
from qwen_lsp.assist.postprocess.brackets import unbalanced
from qwen_lsp.assist.suggestion import Rejection
from qwen_lsp.code.cursor_context import CursorContext
from qwen_lsp.code.snapshot import snapshot_at_mark
from qwen_lsp.settings import SuggestSettings

SETTINGS = SuggestSettings()

# (why, language, source, model text; ‖ stands where the evidence is complete)
ENDS = [
    ("dedent", "python", "def f():\n    ¦\n", "return 1\n\nx‖ = f()\nprint(x)\nprint(x + 1)\n"),
    ("next definition", "python", "¦\n", "def f():\n    return 1\n\n\ndef‖ g():\n    return 2\n\nmore = 1\n"),
    ("closing brace below", "go", "func f() {\n\t¦\n}\n", "run()\n}‖\n\nfunc g() {\n\trun()\n}\n"),
    ("closing brace missing", "rust", "fn f() {\n    ¦\n", "run();\n}\n‖\nfn g() {\n    run();\n}\n"),
    ("header's own block", "python", "if x¦\n", " > 1:\n    run()\ny‖ = 2\nz = 3\nw = 4\n"),
    ("a line below", "python", "¦\ntotal = sum(values)\n", "values = load()\ntotal = sum(values)\n‖print(total)\nmore()\n"),
    ("near lines below", "python", "¦\ncontent = read(path)\nshow(content)\n", "path = find()\ncontents = read(path)\nshow(contents)\n‖done()\nmore()\n"),
    ("rest of the line", "javascript", "f(¦, second);\n", "first, second);‖ g(1, 2, 3); h(4)\n"),
    ("a line three times", "python", "def f():\n    ¦\n", "run(1)\n    run(1)\n    run(1)\n‖    run(1)\n    run(1)\n    run(1)\n"),
    ("a block twice", "c", "int main() {\n    ¦\n}\n", "step_one(a);\n    step_two(b);\n    step_one(a);\n    step_two(b);\n‖    step_one(a);\n    step_two(b);\n"),
    ("the line above", "java", "int total = sum(values);\n¦\n", "int total = sum(values);\n‖int total = sum(values);\nint total = sum(values);\n"),
    ("a special token", "python", "x = ¦\n", "f(1)<|file_sep|>‖other.py\nimport os\nimport re\n"),
    ("a closing fence", "python", "x = ¦\n", "f(1)\n```‖\nThis calls f with one argument.\n"),
    ("one line", "python", "x = ¦ if y else 1\n", "f(1)\n‖y = 2\nz = 3\nw = 4\n"),
]  # fmt: skip
_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


@pytest.mark.parametrize(("why", "language", "source", "raw"), ENDS, ids=[row[0] for row in ENDS])
def test_the_engine_stops_within_two_tokens_of_the_evidence(
    why: str, language: str, source: str, raw: str
) -> None:
    before, _, after = raw.partition("‖")
    snapshot, cursor = snapshot_at_mark(source, language=language)
    polisher = Polisher(snapshot, cursor, SETTINGS, multiline=why != "one line")
    seen = "".join(token for token in _TOKEN.findall(before) if not polisher.feed(token))
    later = _TOKEN.findall(after)
    assert len(later) > 4
    needed = (
        0 if len(seen) < len(before) else next(n for n, token in enumerate(later, 1) if polisher.feed(token))
    )
    assert needed <= 2


def test_no_more_is_wanted_once_it_has_ended() -> None:
    snapshot, cursor = snapshot_at_mark("x = ¦\n")
    polisher = Polisher(snapshot, cursor, SETTINGS, multiline=False)
    assert polisher.feed("f(1)\n")
    assert polisher.feed("g(2)\n")
    assert polisher.result() == polisher.result() == Polished("f(1)", cursor, None, "one line")


def test_a_line_the_token_limit_broke_is_left_out() -> None:
    snapshot, cursor = snapshot_at_mark("def f():\n    ¦\n")
    polisher = Polisher(snapshot, cursor, SETTINGS, multiline=True)
    polisher.feed("a = 1\n    b = 2\n    c = some_fun")
    assert polisher.result(truncated=True) == Polished("a = 1\n    b = 2", cursor, None, "")


def test_a_hopeless_answer_is_not_waited_for() -> None:
    snapshot, cursor = snapshot_at_mark("x = ¦\n")
    polisher = Polisher(snapshot, cursor, SETTINGS, multiline=False)
    fed = next(number for number in range(1, 50) if polisher.feed("ab", [-4.0]))
    assert fed == 8
    assert polisher.result() == Rejection("low confidence")


def test_confidence_counts_only_what_is_shown() -> None:
    snapshot, cursor = snapshot_at_mark("x = ¦\n")
    polisher = Polisher(snapshot, cursor, SETTINGS, multiline=False)
    polisher.feed("f(1)", [-0.1])
    polisher.feed("\nrubbish", [-9.0])
    shown = polisher.result()
    assert isinstance(shown, Polished)
    assert shown.confidence == pytest.approx(0.9048, abs=0.001)


def test_the_most_lines_come_from_the_settings() -> None:
    snapshot, cursor = snapshot_at_mark("def f():\n    ¦\n")
    polisher = Polisher(snapshot, cursor, replace(SETTINGS, max_lines=2), multiline=True)
    polisher.feed("a()\n    b()\n    c()\n    d()\n")
    shown = polisher.result()
    assert isinstance(shown, Polished)
    assert shown.text == "a()\n    b()"


def test_only_a_bounded_window_of_a_long_file_is_looked_at() -> None:
    text = "".join(f"def f{n}():\n    return {n}\n\n" for n in range(5000))
    at = text.index("    return 2500")
    snapshot, cursor = snapshot_at_mark(text[:at] + "¦" + text[at:])
    place = CursorContext.at(snapshot, cursor)
    assert len(place.above) <= 100
    assert len(place.below) <= 64
    assert len(place.window) < 20_000


_CODE = st.text(st.sampled_from("ab1 \n\t(){}[]\"'`#/*:;,=<|>\\.é😀\r"), max_size=120)


@settings(max_examples=150, deadline=None)
@given(
    before=_CODE,
    after=_CODE,
    raw=_CODE,
    language=st.sampled_from(["python", "typescript", "c", "rust", "go", "lua"]),
)
def test_any_text_anywhere_gives_a_fitting_answer(before: str, after: str, raw: str, language: str) -> None:
    snapshot, cursor = snapshot_at_mark(f"{before}¦{after}", language=language)
    polisher = Polisher(snapshot, cursor, SETTINGS, multiline=True)
    for at in range(0, len(raw), 3):
        polisher.feed(raw[at : at + 3])
    outcome = polisher.result()
    if isinstance(outcome, Polished):
        line_end = re.search(r"[\r\n]|$", snapshot.text[cursor:])
        assert line_end is not None
        assert cursor <= outcome.end <= cursor + line_end.start()
        assert outcome.text.strip()
        assert "\r" not in outcome.text
        assert len(outcome.text.split("\n")) <= SETTINGS.max_lines + 2
    else:
        assert outcome.reason


@settings(max_examples=80, deadline=None)
@given(raw=_CODE, cut=st.integers(1, 7))
def test_the_answer_does_not_depend_on_the_pieces(raw: str, cut: int) -> None:
    outcomes = []
    for size in (cut, 1000):
        snapshot, cursor = snapshot_at_mark("def f(a):\n    b = [1, 2]\n    ¦\n    return a\n")
        polisher = Polisher(snapshot, cursor, SETTINGS, multiline=True)
        for at in range(0, len(raw), size):
            polisher.feed(raw[at : at + size])
        outcomes.append(polisher.result())
    assert outcomes[0] == outcomes[1]


CLOSED = [
    ("python", "def area(¦)\n", "w, h):\n    return [w, (h)]\n\n\ndef b():\n"),
    ("javascript", "function f(¦) {\n}\n", "a, b = {}) {\n  return g([a, b]);\n}\n\nfunction g() {}\n"),
    (
        "go",
        "package a\n\nfunc f¦\n",
        "(a []int) int {\n\tif a[0] > (1) {\n\t\treturn 2\n\t}\n\treturn 3\n}\n\nfunc g() {\n",
    ),
    ("rust", "struct A {\n    a: ¦\n}\n", "Vec<(u8, [u8; 2])>,\n    b: String,\n}\n\nimpl A {\n"),
    ("css", ".a¦\n", " {\n  color: rgb(0, 0, 0);\n}\n\n.b {\n"),
    ("kotlin", "fun f(): Int ¦\n", "{\n    return listOf(1, 2)[0]\n}\n\nfun g() {\n"),
    ("ruby", "def f(¦)\nend\n", "a)\n  a.map { |b| [b] }\nend\n"),
]


@pytest.mark.parametrize(("language", "source", "raw"), CLOSED, ids=[case[0] for case in CLOSED])
def test_wherever_the_model_stops_no_bracket_of_its_own_is_left_open(
    language: str, source: str, raw: str
) -> None:
    snapshot, cursor = snapshot_at_mark(source, uri=f"file:///w/a.{language}", language=language)
    place = CursorContext.at(snapshot, cursor)
    before = unbalanced(place, "", place.after)
    for length in range(1, len(raw) + 1):
        polisher = Polisher(snapshot, cursor, SuggestSettings(), multiline=False)
        polisher.feed(raw[:length])
        outcome = polisher.result(truncated=True)
        if not isinstance(outcome, Rejection):
            after = snapshot.text[outcome.end :][: len(place.after)]
            assert unbalanced(place, outcome.text, after) <= before, (raw[:length], outcome.text)


def test_what_breaks_a_file_that_parses_is_not_shown() -> None:
    source = "def f(n):\n    for _ in range(n):\n        step()\n        ¦\n"
    snapshot, cursor = snapshot_at_mark(source)
    polisher = Polisher(snapshot, cursor, SuggestSettings(), multiline=True)
    polisher.feed(", so it needs neither, n = n, n\n")
    outcome = polisher.result()
    assert isinstance(outcome, Rejection)
    assert outcome.reason == "breaks the syntax"
