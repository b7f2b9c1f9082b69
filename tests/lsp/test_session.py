"""Settings, engine and status of one window."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.engine.stubs.scripted import ScriptedEngine
from qwen_lsp.errors import EngineMissing, SettingsError
from qwen_lsp.settings import Settings
from tests.support.lsp.window import URI, Window
from tests.support.scripted_assistant import Line

LOADING = EngineInfo(
    "mlx", "starter", "loading", "Building the starter model", progress=0.25, seconds_left=90.0
)
READY = EngineInfo("mlx", "some/model", "ready", "On this machine", fim="qwen")


def asks(window: Window, method: str) -> list[dict[str, Any]]:
    return [m for m in window.received if m.get("method") == method]


async def changed_to(window: Window, settings: Any, pushed: Any = None) -> None:
    window.answer_with["workspace/configuration"] = lambda _: [settings]
    window.notify("workspace/didChangeConfiguration", {"settings": pushed})


async def until(window: Window, holds: Callable[[], bool]) -> None:
    """Look again after whatever the server says, or a turn of the loop."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - many different things may make it so
            await asyncio.sleep(0.005)


# --- settings


@pytest.mark.parametrize("caps", ["vscode", "nvim", "helix", "eglot", "lspmode"])
async def test_settings_are_pulled_from_every_editor(caps: str) -> None:
    window = Window()
    await window.start(caps=caps, settings={"suggest": {"debounce_ms": 200, "max_lines": None}})
    assert window.session.settings.suggest.debounce_ms == 200
    assert asks(window, "workspace/configuration")[0]["params"] == {"items": [{"section": "qwen_lsp"}]}


@pytest.mark.parametrize("wrapped", [True, False])
async def test_initialization_options_count_under_our_name_or_alone(wrapped: bool) -> None:
    options = {"suggest": {"max_lines": 3}}
    window = Window()
    await window.start(settings={}, initializationOptions={"qwen_lsp": options} if wrapped else options)
    assert window.session.settings.suggest.max_lines == 3


async def test_pulled_settings_are_laid_over_the_initial_ones() -> None:
    window = Window()
    options = {"suggest": {"max_lines": 3, "debounce_ms": 10}}
    await window.start(settings={"suggest": {"debounce_ms": 20}}, initializationOptions=options)
    suggest = window.session.settings.suggest
    assert (suggest.max_lines, suggest.debounce_ms) == (3, 20)


async def test_a_client_that_cannot_be_asked_is_heard_when_it_pushes() -> None:
    window = Window()
    await window.start(capabilities={})
    assert asks(window, "workspace/configuration") == []
    window.notify(
        "workspace/didChangeConfiguration", {"settings": {"qwen_lsp": {"suggest": {"max_lines": 4}}}}
    )
    await until(window, lambda: window.session.settings.suggest.max_lines == 4)


async def test_unknown_and_wrong_options_are_shown_once_and_the_rest_holds() -> None:
    wrong = {"suggest": {"debounce_ms": "soon", "max_lines": 5, "colour": 1}, "nonsense": {}}
    window = Window()
    await window.start(settings=wrong)
    await changed_to(window, {**wrong, "recall": {"mode": "off"}})
    await until(window, lambda: window.session.settings.recall.mode == "off")
    shown = [m["message"] for m in window.notifications("window/showMessage")]
    assert len(shown) == len(set(shown)) == 3
    assert any("debounce_ms must be a whole number" in m for m in shown)
    assert any("colour is not an option" in m for m in shown)
    assert any("no section 'nonsense'" in m for m in shown)
    assert window.session.settings.suggest.max_lines == 5


async def test_a_broken_settings_file_is_told_and_the_editors_settings_hold(own_home: Path) -> None:
    (own_home / "config").mkdir(parents=True)
    (own_home / "config" / "config.toml").write_text("[suggest\n")
    window = Window(Line("x", ("y",)))
    await window.start("x", settings={"suggest": {"max_lines": 2}})
    (shown,) = window.notifications("window/showMessage")
    assert "config.toml" in shown["message"]
    assert window.session.settings.suggest.max_lines == 2
    assert await window.items(0, 1)


async def test_a_change_of_settings_takes_effect_without_a_restart() -> None:
    engines: list[ScriptedEngine] = []

    def open_engine(_: Settings) -> Engine:
        engines.append(ScriptedEngine(info=READY))
        return engines[-1]

    window = Window(open_engine=open_engine)
    await window.start("text")
    await changed_to(window, {"suggest": {"max_lines": 2}})
    await until(window, lambda: len(window.built) == 2)
    assert len(engines) == 1  # the engine is kept where only suggestions changed
    assert [e["text"] for e in window.told("opened")] == ["text", "text"]
    await changed_to(window, {"suggest": {"max_lines": 2}})
    await changed_to(window, {"engine": {"model": "other"}})
    await until(window, lambda: len(window.built) == 3)
    assert len(engines) == 2
    assert engines[0].closed
    assert not engines[1].closed


async def test_we_register_for_changes_where_the_editor_lets_us() -> None:
    window = Window()
    await window.start(caps="vscode")
    await window.wait_for(lambda m: m.get("method") == "client/registerCapability")
    registered = asks(window, "client/registerCapability")[0]["params"]["registrations"][0]
    assert registered["method"] == "workspace/didChangeConfiguration"
    assert registered["registerOptions"] == {"section": "qwen_lsp"}


async def test_other_folders_give_another_assistant() -> None:
    window = Window()
    first = {"uri": "file:///work/one", "name": "one"}
    await window.start(workspaceFolders=[first])
    event = {"added": [{"uri": "file:///work/t%C3%BCo", "name": "two"}], "removed": [first]}
    window.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    await until(window, lambda: len(window.built) == 2)
    assert [list(roots) for _, _, roots in window.built] == [[Path("/work/one")], [Path("/work/tüo")]]


# --- engine and status


async def test_loading_is_shown_with_progress_and_time_left() -> None:
    engine = ScriptedEngine(info=LOADING)
    window = Window(open_engine=lambda _: engine)
    await window.start()
    await window.wait_for(
        lambda m: m.get("method") == "$/progress" and m["params"]["value"]["kind"] == "report"
    )
    status = await window.status()
    assert (status["state"], status["engine"]["progress"], status["engine"]["secondsLeft"]) == (
        "loading",
        0.25,
        90.0,
    )
    engine.set_info(state="ready", progress=None, seconds_left=None)
    await window.wait_for(lambda m: m.get("method") == "$/progress" and m["params"]["value"]["kind"] == "end")
    reports = [p["value"] for p in window.notifications("$/progress")]
    assert [r["kind"] for r in reports][:2] == ["begin", "report"]
    assert reports[1]["percentage"] == 25
    assert "about 90 s left" in reports[1]["message"]
    assert window.server.work_done_progress.tokens == {}
    assert (await window.status())["state"] == "ready"


async def test_an_editor_without_progress_bars_gets_none() -> None:
    window = Window(open_engine=lambda _: ScriptedEngine(info=LOADING))
    await window.start(capabilities={})
    await window.status()
    assert asks(window, "window/workDoneProgress/create") == []
    await window.request("shutdown")


async def test_status_is_sent_only_to_editors_that_asked_for_it() -> None:
    curious, others = Window(open_engine=lambda _: ScriptedEngine(info=READY)), Window()
    await curious.start(capabilities={"experimental": {"qwen_lsp": {"status": True}}})
    await curious.wait_for(lambda m: m.get("method") == "qwen_lsp/status" and m["params"]["state"] == "ready")
    await others.start(caps="lspmode")
    await others.status()
    assert others.notifications("qwen_lsp/status") == []


async def test_every_suggestion_and_silence_is_told_to_a_curious_editor() -> None:
    window = Window(Line("x", ("y",)), open_engine=lambda _: ScriptedEngine(info=READY))
    await window.start("x", capabilities={"experimental": {"qwen_lsp": {"status": True}}})
    await window.items(0, 1)
    await window.items(0, 0)
    lasts = [s["last"] for s in window.notifications("qwen_lsp/status") if s["last"]]
    assert [(last["suggestions"], last["reason"]) for last in lasts] == [
        (1, ""),
        (0, "nothing in the script"),
    ]


async def test_the_starter_says_what_it_is_and_how_to_get_the_real_model() -> None:
    info = EngineInfo("mlx", "starter", "ready", is_starter=True)
    window = Window(open_engine=lambda _: ScriptedEngine(info=info))
    await window.start()
    message = (await window.status())["message"]
    assert "starter" in message
    assert "qwen-lsp pull" in message
    noted = await window.wait_for(lambda m: m.get("method") == "window/logMessage")
    assert "qwen-lsp pull" in noted["params"]["message"]


async def test_code_that_leaves_this_machine_is_said_plainly() -> None:
    window = Window(
        open_engine=lambda _: ScriptedEngine(info=EngineInfo("remote", "m", "ready", local=False))
    )
    await window.start()
    assert "Code leaves this machine" in (await window.status())["message"]


@pytest.mark.parametrize(
    "error", [EngineMissing("MLX is not installed."), SettingsError("engine.url is empty.")]
)
async def test_an_engine_that_cannot_be_opened_is_told_and_can_be_mended_by_a_setting(
    error: Exception,
) -> None:
    def open_engine(settings: Settings) -> Engine:
        if settings.engine.kind != "demo":
            raise error
        return ScriptedEngine(info=READY)

    window = Window(Line("x", ("y",)), open_engine=open_engine)
    await window.initialize()
    window.notify("initialized", {})
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x"}
    window.notify("textDocument/didOpen", {"textDocument": item})
    assert await window.items(0, 1) == []
    status = await window.status()
    assert (status["state"], status["message"]) == ("failed", str(error))
    assert [m["message"] for m in window.notifications("window/showMessage")] == [str(error)]
    await changed_to(window, {"engine": {"kind": "demo"}})
    await until(window, lambda: bool(window.built))
    assert len(await window.items(0, 1)) == 1
    assert (await window.status())["state"] == "ready"


async def test_an_engine_that_fails_later_is_told_once() -> None:
    engine = ScriptedEngine(info=LOADING)
    window = Window(open_engine=lambda _: engine)
    await window.start()
    await window.status()
    engine.set_info(state="failed", detail="The model's folder has no config.json.")
    await window.wait_for(lambda m: m.get("method") == "window/showMessage")
    assert (await window.status())["state"] == "failed"
    (shown,) = window.notifications("window/showMessage")
    assert "no config.json" in shown["message"]


async def test_shutdown_closes_engine_and_assistant() -> None:
    engine = ScriptedEngine(info=READY)
    window = Window(open_engine=lambda _: engine)
    await window.start()
    await window.request("shutdown")
    assert engine.closed
    assert window.told("close")


async def test_the_status_is_plain_json() -> None:
    window = Window(open_engine=lambda _: ScriptedEngine(info=READY))
    await window.start()
    assert json.loads(json.dumps(await window.status()))["engine"]["model"] == "some/model"
