"""When to ask, when to be silent, and for how many lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp.assist.completion.trigger import Triggered, should_ask
from qwen_lsp.assist.suggestion import CompletionRequest, Rejection
from qwen_lsp.code.snapshot import snapshot_at_mark
from qwen_lsp.settings import SuggestSettings

ON = SuggestSettings()


def ask(
    marked: str, *, uri: str = "file:///work/a.py", language: str = "python", **fields: object
) -> CompletionRequest:
    snapshot, cursor = snapshot_at_mark(marked, uri=uri, language=language)
    return replace(CompletionRequest(snapshot, cursor), **fields)  # type: ignore[arg-type]


SILENT = [
    ("inside a word", ask("val¦ue = 1\n")),
    ("text to the right", ask("x = ¦ + first_thing + second\n")),
    ("selection", ask("x = ¦\n", selection=True)),
    ("empty document", ask("¦", uri="untitled:Untitled-1")),
    ("private file", ask("KEY=¦", uri="file:///work/.env.local")),
    ("private file", ask("¦", uri="file:///home/me/.ssh/config.py")),
    ("read-only view", ask("x = ¦\n", uri="git:/work/a.py?HEAD")),
    ("read-only view", ask("x = ¦\n", uri="output:extension-output-1")),
    ("long lines", ask("x = ¦\n" + "a = [1, 2, 3]; " * 100)),
    ("popup item differs", ask("os.pa¦\n", selected="getcwd", selected_start=3)),
    ("popup item has lines", ask("os.pa¦\n", selected="path\r\nos.getcwd", selected_start=3)),
]


@pytest.mark.parametrize(("reason", "asked"), SILENT, ids=[f"{r}-{n}" for n, (r, _) in enumerate(SILENT)])
def test_silent_with_the_rule_named(reason: str, asked: CompletionRequest) -> None:
    answer = should_ask(asked, ON)
    assert isinstance(answer, Rejection)
    assert answer.reason == reason


def test_what_is_known_goes_on_where_nothing_new_would_be_asked_for() -> None:
    for place in ("val¦ue = 1\n", "x = ¦ + first_thing + second\n"):
        assert isinstance(should_ask(ask(place), ON, known=True), Triggered)
    for unwanted in (replace(ON, automatic=False), replace(ON, enabled=False)):
        assert isinstance(should_ask(ask("x = ¦\n"), unwanted, known=True), Rejection)
    assert isinstance(should_ask(ask("x = ¦\n", selection=True), ON, known=True), Rejection)


def test_what_the_user_switched_off_stays_off_even_by_key() -> None:
    by_key = ask("x = ¦\n", manual=True)
    refusals = [
        should_ask(by_key, replace(ON, enabled=False)),
        should_ask(by_key, replace(ON, off_languages=["python"])),
        should_ask(by_key, replace(ON, off_paths=["work/*.py"])),
        should_ask(by_key, ON, is_private=lambda path: path == Path("/work/a.py")),
    ]
    assert [r.reason for r in refusals if isinstance(r, Rejection)] == [
        "switched off",
        "language switched off",
        "path switched off",
        "private file",
    ]


def test_by_key_it_asks_where_it_would_not_by_itself() -> None:
    places = ["x = ¦\n" + "a = [1, 2, 3]; " * 100, "val¦ue = 1\n", "x = ¦ + first_thing + second\n", "¦"]
    assert all(isinstance(should_ask(ask(place, manual=True), ON), Triggered) for place in places)
    assert isinstance(should_ask(ask("x = ¦\n", manual=True, selection=True), ON), Triggered)


def test_by_key_secrets_and_read_only_views_stay_closed() -> None:
    for uri in ("file:///work/id_rsa", "file:///work/credentials.json", "git:/work/a.py"):
        assert isinstance(should_ask(ask("x = ¦\n", uri=uri, manual=True), ON), Rejection)


def test_manual_only_asks_nothing_by_itself() -> None:
    manual_only = replace(ON, automatic=False)
    refused = should_ask(ask("x = ¦\n"), manual_only)
    assert isinstance(refused, Rejection)
    assert refused.reason == "manual only"
    assert isinstance(should_ask(ask("x = ¦\n", manual=True), manual_only), Triggered)


def test_closers_to_the_right_are_no_text() -> None:
    assert isinstance(
        should_ask(ask('print(foo(["a", ¦]))  # \n'.replace("  # ", ""), language="python"), ON), Triggered
    )
    assert isinstance(should_ask(ask("f(() => {¦}));\n", language="javascript"), ON), Triggered)


def test_a_highlighted_item_that_fits_is_asked_with_one_line() -> None:
    assert should_ask(ask("os.ge¦\n", selected="getcwd", selected_start=3), ON) == Triggered(multiline=False)


LINES = [
    ("def f():\n    ¦\n", "python", True),
    ("def f(x):¦\n", "python", True),
    ("x = ¦\n", "python", False),
    ("# a comment ¦\n", "python", False),
    ('s = "a string ¦\n', "python", False),
    ("x = foo(¦)\n", "python", False),
    ("if (x) {¦}\n", "javascript", True),
    ("if (x) {¦\n", "typescript", True),
    ("/**\n * Adds.\n * ¦\n", "java", False),
    ("x = ¦ + 1\n", "c", False),
    ("for i in 1..3 do¦\n", "ruby", True),
]


@pytest.mark.parametrize(("marked", "language", "lines"), LINES)
def test_lines_follow_the_syntax(marked: str, language: str, lines: bool) -> None:
    assert should_ask(ask(marked, language=language), ON) == Triggered(multiline=lines)


def test_the_setting_for_lines_wins() -> None:
    assert should_ask(ask("def f():\n    ¦\n"), replace(ON, multiline="never")) == Triggered(multiline=False)
    assert should_ask(ask("x = ¦\n"), replace(ON, multiline="always")) == Triggered(multiline=True)
