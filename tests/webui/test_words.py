"""The table of words: complete, filled in alike, and shown safely."""

from __future__ import annotations

import re
from pathlib import Path

import webui
from webui.i18n.texts import WORDS, both, either, tables


def test_every_word_exists_in_both_languages_with_the_same_blanks() -> None:
    for key, (english, chinese) in WORDS.items():
        assert english.strip(), key
        assert chinese.strip(), key
        blanks = [sorted(set(re.findall(r"\{(\w+)\}", text))) for text in (english, chinese)]
        assert blanks[0] == blanks[1], key


def test_every_word_used_in_the_page_is_in_the_table() -> None:
    folder = Path(webui.__file__).parent
    used = {
        key
        for file in folder.rglob("*.py")
        for key in re.findall(r"\b(?:say|both|_say|_told)\(\s*\"(\w+)\"", file.read_text("utf-8"))
    }
    assert len(used) > 80
    assert sorted(used - set(WORDS)) == []


def test_tables_answer_for_both_spellings_of_chinese() -> None:
    assert tables()["zh"] == tables()["zh-CN"]
    assert tables()["en"]["go"] == "Generate / complete code"
    assert either("go", "zh-CN") == "生成/补全代码"


def test_values_are_escaped() -> None:
    assert "<img>" not in both("preset_saved", name="<img>")
