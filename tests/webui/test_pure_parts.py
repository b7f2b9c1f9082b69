"""The page's pure parts: picture, form, presets, answers, colours, prompts, guard, comparisons, charts."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import html
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.engine.request import ChatPrompt, EngineInfo, ModelShape, TextPrompt
from qwen_lsp.metrics import RequestTrace
from qwen_lsp.storage.acceptance_stats import StatsRow
from qwen_lsp.storage.request_history import DAY_S, RequestHistory
from webui.html_rewrite import rewrite
from webui.parts.architecture import draw, picture_html
from webui.parts.code_view import CodeStream
from webui.parts.highlight import Highlighter, highlight
from webui.parts.line_chart import line_chart
from webui.parts.markdown_code import split_fences
from webui.parts.presets import Preset, Presets
from webui.quiet_queue import quiet
from webui.request.build import RequestRefusal, plan, shown
from webui.request.form import Form, defaults, read, write
from webui.request.target_languages import LANGUAGES
from webui.tabs.compare.comparison import (
    DEMO,
    LOADED,
    Cell,
    Column,
    differences,
    order_of,
    prompts_of,
    roles_of,
    to_csv,
)
from webui.tabs.compare.table import table_html
from webui.tabs.monitor.tables import acceptance_table, gauges_list, lanes_table, suggestions_chart

SHAPE = ModelShape(
    "qwen3_moe",
    48,
    2048,
    32,
    4,
    128,
    128,
    8,
    151936,
    262144,
    30_532_122_624,
    3_042_000_000,
    17_180_000_000,
    98304,
)
INFO = EngineInfo("mlx", "m", "ready", fim="qwen", context_tokens=32768)
PIECES = (
    "def f(a):\n", '    """Doc\n    more"""\n', "x = 'a' # c\n", "/* open\n", "close */ int b;\n", "`raw\nstr`\n",
    "class A { }\n", "// note\n", "\n", "    ", "f'{x}'", "<b>&", "# 中文\n", '"',
)  # fmt: skip


def _plain(marked: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", marked))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=30),
    st.sampled_from([*LANGUAGES, "as-is", "nonsense"]),
    st.data(),
)
def test_live_colours_lose_no_character_and_settled_text_only_grows(
    pieces: list[str], language: str, data: st.DataObject
) -> None:
    text, colours, settled = "".join(pieces), Highlighter(language), ""
    at = 0
    while at < len(text):
        step = data.draw(st.integers(1, 9))
        colours.feed(text[at : at + step])
        at += step
        assert colours.settled.startswith(settled)
        settled = colours.settled
        assert _plain(colours.settled + colours.tail) == text[:at]
    assert _plain(highlight(text, language)) == text


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=30),
    st.sampled_from([*LANGUAGES, "as-is"]),
    st.data(),
)
def test_an_area_shows_the_whole_text_though_it_asked_for_news_when_the_end_was_on_its_way(
    pieces: list[str], language: str, data: st.DataObject
) -> None:
    text, stream = "".join(pieces), CodeStream("run", language, "result.txt")
    area: dict[str, Any] = {"epoch": -1, "html": "", "tail": ""}
    for at in [*sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5))), len(text)]:
        _paint(area, stream.news(text[:at], "", area["epoch"], len(area["html"])))
        assert _plain(area["html"] + area["tail"]) == text[:at]
    whole = stream.whole(text, "")
    _paint(area, stream.news(text, "", area["epoch"], len(area["html"])))
    assert _plain(area["html"] + area["tail"]) == text
    _paint(area, whole)
    assert _plain(area["html"] + area["tail"]) == text


def _paint(area: dict[str, Any], news: dict[str, Any]) -> None:
    """What view.js does with news."""
    if news["epoch"] != area["epoch"]:
        area |= {"epoch": news["epoch"], "html": ""}
    area["html"] += news["html"][len(area["html"]) - news["from"] :]
    area["tail"] = news["tail"]


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_offered_language_has_colours_of_its_own(language: str) -> None:
    assert "<span" in highlight("if x: return 'a' -- b\nselect 1; // c\n", language)


def test_the_picture_shows_the_models_own_numbers() -> None:
    svg = draw(SHAPE)
    for number in ("48", "32 heads, 4 KV heads", "8 of 128 experts", "151,936", "2,048"):
        assert number in svg
    assert svg.count("<circle") == 128
    assert svg.count('class="q-lit"') == 8
    assert "30.5 B" in picture_html(SHAPE)


def test_a_dense_model_shows_no_experts() -> None:
    dense = ModelShape("qwen3", 4, 64, 4, 4, 16, 0, 0, 500, 4096, 1000, 1000, 2000, 64)
    assert "<circle" not in draw(dense)


def test_the_users_own_picture_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "b<.png").write_bytes(b"\x89PNG")
    assert 'src="data:image/png;base64,iVBORw=="' in picture_html(SHAPE)
    assert "b<" not in picture_html(SHAPE)


def test_a_form_survives_its_address_and_refuses_nonsense() -> None:
    form = Form(language="Go", temperature=0.25, seed=7, stop_texts="\\n\\n", system="be brief")
    assert read({name: str(value) for name, value in write(form).items()}) == form
    assert (
        read({"temperature": "9", "top_k": "x", "language": "Klingon", "mode": "rm", "seed": "nan"}) == Form()
    )
    assert form.stop == ("\n\n",)
    assert defaults(EngineInfo("mlx", "s", "ready", is_starter=True)).temperature == 0


def test_presets_come_back_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    presets = Presets(tmp_path / "data" / "presets.json")
    presets.keep("mine", Preset(Form(top_k=7), "request"))
    assert presets.all() == {"mine": Preset(Form(top_k=7), "request")}
    other = Presets(tmp_path / "other.json")
    assert other.take_in(presets.export()) == 1
    assert other.all() == presets.all()
    other.drop("mine")
    assert other.all() == {}
    for text in ("{", "[]", json.dumps({"format": "x", "presets": {}})):
        with pytest.raises(ValueError, match="it "):
            other.take_in(text)


@pytest.mark.parametrize(
    ("text", "code", "prose"),
    [
        ("x = 1", "x = 1", ""),  # no fence: all of it is code
        ("```python\nx = 1\n```", "x = 1\n", ""),
        ("Here:\n\n```go\na\n```\nDone.", "a\n", "Here:\n\nDone."),
        ("```py\nx\n``", "x\n", ""),  # a fence half written is not shown
        ("```", "", ""),
        ("````md\n```\nin\n```\n````", "```\nin\n```\n", ""),  # a longer fence holds a shorter one
    ],
)
def test_code_is_told_from_words(text: str, code: str, prose: str) -> None:
    assert (split_fences(text).code, split_fences(text).prose) == (code, prose)


def test_the_prompt_for_a_hole_is_the_editors_own() -> None:
    asked = plan("def f():\n    ret<cursor>\n", Form(mode="complete"), INFO)
    assert not isinstance(asked, RequestRefusal)
    assert isinstance(asked.prompt, TextPrompt)
    assert shown(asked) == "<|fim_prefix|>def f():\n<|fim_suffix|>\n<|fim_middle|>    ret"
    assert asked.heal
    assert plan("no mark", Form(mode="complete"), INFO) == RequestRefusal("cursor_missing")
    chat = plan("a<cursor>b", Form(mode="complete"), EngineInfo("remote", "m", "ready"))
    assert not isinstance(chat, RequestRefusal)
    assert isinstance(chat.prompt, ChatPrompt)
    assert plan("  ", Form(), INFO) == RequestRefusal("request_empty")


def test_the_shell_removes_foreign_addresses() -> None:
    page = rewrite(
        '<head><meta property="og:image" content="https://x.example/y.jpg"/><title>t</title></head>'
    )
    assert "https://" not in page
    assert page.index("<script>") < page.index("<title>")


def test_comparisons_hide_what_is_held_constant() -> None:
    columns = [Column(Form(temperature=0.1), "a"), Column(Form(temperature=0.9), "b", "say {input}", "mine")]
    same, own = differences(columns)
    assert [set(one) for one in own] == [{"temperature", "model", "template", "preset"}] * 2
    assert {"top_p", "min_p", "stop_texts"} <= set(same)
    assert prompts_of("a\nb\n\n\nc\r\n\r\nd") == ["a\nb", "c", "d"]
    assert [(r.name, r.asked) for r in roles_of("writer: do {input}\n\nnothing")] == [
        ("writer", "do {input}")
    ]
    cell = Cell("=cmd()", 1, 1, "t", 1, 1.0, 1.0, None, True, "done")
    rows = list(csv.DictReader(io.StringIO(to_csv([cell], columns))))
    assert (rows[0]["prompt"], rows[0]["set_model"], rows[0]["set_preset"]) == ("'=cmd()", "b", "mine")


def test_a_template_takes_the_prompt_in_or_goes_before_it() -> None:
    asked = [Column(Form(), template=words).asked("sort") for words in ("", "do {input}!", "briefly")]
    assert asked == ["sort", "do sort!", "briefly\n\nsort"]


def test_each_model_is_loaded_once_and_what_needs_no_loading_goes_first() -> None:
    columns = [Column(Form(), model) for model in ("b", LOADED, "a", DEMO)]
    order = order_of(["x", "y"], columns, 2)
    assert list(order) == [LOADED, "a", "b"]
    assert [at for _, at, _ in order[LOADED]] == [1, 3] * 4
    assert order["b"] == [("x", 0, 1), ("y", 0, 1), ("x", 0, 2), ("y", 0, 2)]


def test_a_cell_tells_a_failed_test_from_one_that_could_not_run() -> None:
    told = [
        table_html([Cell("p", 0, 1, "t", 1, 1.0, 1.0, 5.0, True, "done", "", "m", passes, "<why>")], [Column(Form())])
        for passes in (True, False, None)
    ]  # fmt: skip
    for words, share, html_text in zip(
        ("Tests passed.", "Tests failed.", "Not tested."), ("1 / 1", "0 / 1", "–"), told, strict=True
    ):
        assert words in html_text
        assert f"<dd>{share}</dd>" in html_text
        assert "&lt;why&gt;" in html_text


def _trace(at_s: float, **changes: object) -> RequestTrace:
    values = {
        "at_s": at_s, "lane": "chat", "model": "m", "prompt_tokens": 10, "cached_tokens": 5, "prefilled_tokens": 5,
        "generated_tokens": 21, "queue_ms": 0.0, "first_token_ms": 100.0, "total_ms": 300.0, "finish": "stop",
    }  # fmt: skip
    return RequestTrace(**{**values, **changes})  # type: ignore[arg-type]


def test_the_monitor_counts_by_lane() -> None:
    table = lanes_table(
        [_trace(1.0), _trace(2.0, first_token_ms=300.0, total_ms=500.0), _trace(3.0, lane="inline")]
    )
    assert table.count('<th scope="row">') == 2
    assert "100 / 300 ms" in table
    assert "50%" in table
    assert ">100<" in table  # 20 tokens after the first in 200 ms, in each


def test_the_history_forgets_after_a_day(tmp_path: Path) -> None:
    history = RequestHistory(tmp_path / "m.sqlite")
    history.keep([_trace(1000.0)], {"memory_bytes": 5.0}, at_s=1000.0)
    history.keep([_trace(2000.0)], {"memory_bytes": 6.0}, at_s=2000.0)
    assert [one.at_s for one in history.requests(0)] == [1000.0, 2000.0]
    history.keep([], {}, at_s=1500.0 + DAY_S)
    assert [one.at_s for one in history.requests(0)] == [2000.0]
    assert history.gauges("memory_bytes", 0) == [(2000.0, 6.0)]


def test_suggestions_are_charted_by_day_and_none_are_said_plainly() -> None:
    today = datetime.date(2026, 3, 2)
    days = [
        StatsRow("2026-03-01", 4, {"accepted": 3, "dismissed": 1}),
        StatsRow("2025-01-01", 9),
        StatsRow("all", 13),
    ]
    assert suggestions_chart(days, today).count("<figure") == 2
    assert suggestions_chart(days[1:], today) == ""  # older than what is drawn
    assert "<td>3</td>" in acceptance_table(days[:1])
    assert "No editor has shown a suggestion yet" in acceptance_table([])


def test_a_few_bytes_have_no_english_word() -> None:
    told = gauges_list(INFO, [("process_memory_bytes", 85.0), ("kv_bytes", 1.0)])
    assert ("<dd>85 B</dd>" in told, "<dd>1 B</dd>" in told) == (True, True)


def test_gauges_are_named_in_both_languages_and_unknown_ones_by_their_own_name() -> None:
    info = EngineInfo("mlx", "m", "ready", load=(("kv_bytes", 2048.0), ("on_gpu", 1.0), ("new_thing", 3.0)))
    told = gauges_list(info, [("process_cpu_percent", 12.3)])
    for words in ("前缀缓存", "2.0 KiB", "计算设备", "GPU", "new thing", "12 %"):
        assert words in told


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("4 bits, groups of 64", ("experts: 4 bits, groups of 64", "专家：4 位，每组 64")),
        ("16 bits, not quantised", ("experts: 16 bits, not quantised", "专家：16 位，未量化")),
        ("odd <how>", ("experts: odd &lt;how&gt;",)),
    ],
)
def test_the_picture_names_the_bits_of_each_part(how: str, words: tuple[str, ...]) -> None:
    html_text = picture_html(dataclasses.replace(SHAPE, quantisation=(("experts", how),)))
    assert all(word in html_text for word in words)


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    assert "<svg" in line_chart([], 0, 1, "x")
    assert line_chart([(0.0, 1.0), (1.0, 2.0)], 0, 1, "x").count("<circle") == 2


def test_the_queue_rests_while_nobody_asks_and_hurries_while_somebody_does() -> None:
    with gr.Blocks() as page:
        pass
    quiet(page)
    queue = page._queue
    queue.active_jobs = [None, None]
    assert queue.sleep_when_free * 20 >= 1  # twenty looks a second at most
    assert queue.progress_update_sleep_when_free >= 0.5
    queue.active_jobs = [["event"], None]
    assert queue.progress_update_sleep_when_free <= 0.01
    queue.event_queue_per_concurrency_id = {"x": SimpleNamespace(queue=["waiting"])}
    assert queue.sleep_when_free <= 0.001
