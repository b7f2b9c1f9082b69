"""Prompts: exact spellings per family, stable parts first, markers in user text left as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwen_lsp.assist.prompts.chat import HOLE, hole_as_chat
from qwen_lsp.assist.prompts.fim import TEMPLATES, FimTemplate, Hole, OtherFile, template_of
from qwen_lsp.assist.prompts.ways import render, usual_way
from qwen_lsp.engine.request import EngineInfo, Marker, Text, TextPrompt


def template(name: str) -> FimTemplate:
    found = template_of(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qwen", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>T"),
        ("starcoder", "<fim_prefix>P<fim_suffix>S<fim_middle>T"),
        ("deepseek", "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>T"),
        ("codellama", "<PRE> P <SUF>S <MID>T"),
        ("codestral", "[SUFFIX]S[PREFIX]PT"),
        ("codegemma", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>T"),
    ],
)
def test_a_hole_is_written_as_the_family_wants_it(name: str, expected: str) -> None:
    assert template(name).render(Hole("P", "S", "T")).render() == expected


def test_qwen_gets_other_files_in_its_repository_form() -> None:
    others = (OtherFile("lib/a.py", "A = 1\n"), OtherFile("b.py", "B = 2"))
    hole = Hole("p\n", "\ns", "t", path="main.py", repo="demo", others=others)
    assert template("qwen").render(hole).render() == (
        "<|repo_name|>demo\n"
        "<|file_sep|>lib/a.py\nA = 1\n"
        "<|file_sep|>b.py\nB = 2\n"
        "<|file_sep|>main.py\n"
        "<|fim_prefix|>p\n<|fim_suffix|>\ns<|fim_middle|>t"
    )


def test_families_without_a_file_separator_get_other_files_as_comments() -> None:
    hole = Hole("p\n", "", path="main.py", others=(OtherFile("a.py", "A = 1\n\nB = 2\n"),))
    text = template("deepseek").render(hole).render()
    assert "# a.py\n# A = 1\n#\n# B = 2\np\n" in text
    assert (
        "// a.ts"
        in template("deepseek").render(Hole("", "", path="x.ts", others=(OtherFile("a.ts", "1"),))).render()
    )


def test_only_the_last_part_changes_while_typing() -> None:
    others = (OtherFile("a.py", "A"),)
    for name in TEMPLATES:
        one, two = (
            template(name).render(Hole("P\n", "S", typed, "m.py", "r", others)) for typed in ("x", "xy = 1")
        )
        assert one.parts[:-1] == two.parts[:-1]
        assert one.parts[-1] == Text("x")


def test_a_marker_spelled_in_user_text_stays_text() -> None:
    prompt = template("qwen").render(Hole("print('<|fim_middle|>')\n", "<|fim_suffix|>", "<|file_sep|>"))
    assert [p.token for p in prompt.parts if isinstance(p, Marker)] == [
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
    ]


def test_empty_parts_are_left_out() -> None:
    assert template("qwen").render(Hole("", "")).parts == (
        Marker("<|fim_prefix|>"),
        Marker("<|fim_suffix|>"),
        Marker("<|fim_middle|>"),
    )


@pytest.mark.parametrize("name", [None, "", "gpt-2"])
def test_an_unknown_family_has_no_template(name: str | None) -> None:
    assert template_of(name) is None


def test_a_hole_as_chat_names_the_hole_once_and_the_answer_begins_with_what_is_typed() -> None:
    prompt = hole_as_chat(Hole("a = 1\n", "\nb = 2\n", "c =", "m.py"), "python")
    assert prompt.messages[-1].content.endswith(f"a = 1\n{HOLE}\nb = 2\n")
    assert prompt.prefill == "```python\nc ="


def test_each_way_puts_what_is_typed_last() -> None:
    hole = Hole("a = 1\n", "\nb = 2\n", "c =", "m.py", others=(OtherFile("n.py", "d = 3\n"),))
    plain = EngineInfo("mlx", "base", "ready")
    raw = render(hole, "raw", plain, "python")
    assert isinstance(raw, TextPrompt)
    assert raw.parts == (Text("# n.py\n# d = 3\na = 1\n"), Text("c ="))
    assert usual_way(plain) == "chat"
    assert usual_way(replace(plain, fim="qwen")) == "fim"
    fim = render(hole, "fim", replace(plain, fim="qwen"), "python")
    assert isinstance(fim, TextPrompt)
    assert fim.parts[-1] == Text("c =")


def test_a_hole_mark_in_the_users_code_is_not_taken_for_the_hole() -> None:
    asked = hole_as_chat(Hole(f"s = '{HOLE}'\n", "", "", "m.py"), "python").messages[-1].content
    assert asked.count(HOLE) == 1
    assert asked.rstrip().endswith("<HOLE_>")
