"""A real VS Code (code-server) with our extension, driven in a real Chromium; a missing one fails, never skips."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, TimeoutError, sync_playwright

from tests.support.page.page import ARTIFACTS, FLAGS, PICTURES
from tests.support.repository import REPOSITORY

EXTENSION = REPOSITORY / "editors" / "vscode"
TOOLS = Path(os.environ.get("QWEN_LSP_TEST_EDITORS", Path.home() / ".cache" / "test-editors"))
CODE_SERVER = TOOLS / "code-server" / "bin" / "code-server"
TIMEOUT_S = 60.0
IN_DOCUMENTATION = ("vscode-ghost-text", "vscode-actions", "vscode-preview")
_NO_GALLERY = '{"serviceUrl":"","itemUrl":"","controlUrl":"","recommendationsUrl":""}'
_SETTINGS = {
    "files.autoSave": "off",
    "files.hotExit": "off",
    "chat.disableAIFeatures": True,
    "security.workspace.trust.startupPrompt": "never",
    "workbench.startupEditor": "none",
    "editor.autoClosingBrackets": "never",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.minimap.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.editor.enablePreview": False,
    "telemetry.telemetryLevel": "off",
}


def packaged_extension() -> Path:
    """The .vsix as `make vscode` builds it."""
    done = subprocess.run(
        ["make", "vscode"], cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"the extension cannot be packaged:\n{done.stdout}{done.stderr}"
    return EXTENSION / "qwen-lsp.vsix"


class VSCode:
    """One window on one folder."""

    STATUS = "#qwen-lsp\\.qwen-lsp\\.qwen\\.status"

    def __init__(self, page: Page, folder: Path, machine_settings: Path) -> None:
        self.page = page
        self.folder = folder
        self._machine_settings = machine_settings

    def open(self, name: str) -> None:
        """Open a file by its name, with the cursor at the end."""
        self.page.locator(f'.explorer-folders-view .monaco-list-row[aria-label^="{name}"]').dblclick()
        self.page.locator(f'.tab.active[data-resource-name="{name}"]').wait_for()
        self.page.locator(".editor-group-container.active .monaco-editor .view-line").first.click()
        self.page.keyboard.press("Control+End")

    def type(self, text: str) -> None:
        """Type as a person does."""
        self.page.keyboard.type(text, delay=60)

    def ghost(self) -> str:
        """The grey text."""
        parts = self.page.locator("[class*=ghost-text]").all_inner_texts()
        return "".join(parts).replace("\xa0", " ")

    def text(self) -> str:
        """What is in the file after saving."""
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !document.querySelector('.tab.active.dirty')")
        return self.saved(self.page.locator(".tab.active").get_attribute("data-resource-name") or "")

    def saved(self, name: str) -> str:
        """What is in a file on disk."""
        return (self.folder / name).read_bytes().decode()

    def command(self, title: str) -> None:
        """Run a command of the palette."""
        # The list may still be that of the letters before, whose first row is another command; and one that was
        # made before the window knew our extension stays without its commands, so it is made again.
        row = self.page.locator(f'.quick-input-list .monaco-list-row.focused:has-text("{title}")')

        def offered() -> bool:
            self.page.keyboard.press("F1")
            with contextlib.suppress(TimeoutError):
                self.page.locator(".quick-input-widget input").fill(f">{title}", timeout=5000)
                row.wait_for(timeout=5000)
                return True
            self.page.keyboard.press("Escape")
            return False

        self.until(offered, f"the palette offers {title!r}")
        self.page.keyboard.press("Enter")

    def status(self) -> str:
        """The status-bar item's text."""
        return str(self.page.locator(self.STATUS).inner_text()).strip()

    def server_program(self, program: str) -> str:
        """Change the setting that says where qwen-lsp is; what it was."""
        before = json.loads(self._machine_settings.read_text())["qwen.command"]
        self._machine_settings.write_text(json.dumps({"qwen.command": program}))
        return str(before)

    def until(self, claim: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + TIMEOUT_S
        while not claim():
            if time.monotonic() > deadline:
                self.picture("vscode-failure")
                raise AssertionError(f"not within {TIMEOUT_S:.0f} s: {what}")
            self.page.wait_for_timeout(50)

    def picture(self, name: str) -> None:
        """Keep a screenshot; in the documentation as well when QWEN_LSP_KEEP_PICTURES is set."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")
        if os.environ.get("QWEN_LSP_KEEP_PICTURES") and name in IN_DOCUMENTATION:
            shutil.copy(ARTIFACTS / f"{name}.png", PICTURES)


@contextlib.contextmanager
def vscode(home: Path, folder: Path, command: list[str], *, trusted: bool = True) -> Iterator[VSCode]:
    """VS Code on a folder, trusted or not yet; `command` is what runs as the language server."""
    assert CODE_SERVER.exists(), "VS Code is missing; `make test-editors` installs it"
    program = _wrapper(home / "qwen-lsp", command)
    state = home / "vscode"
    _write_json(state / "user" / "User" / "settings.json", _SETTINGS)
    # A window on another machine (code-server is one) takes settings that name programs from that machine only.
    machine_settings = state / "user" / "Machine" / "settings.json"
    _write_json(machine_settings, {"qwen.command": str(program)})
    environment = {
        **os.environ,
        "EXTENSIONS_GALLERY": _NO_GALLERY,
        "XDG_CONFIG_HOME": str(state / "config"),
        "XDG_DATA_HOME": str(state / "data"),
        "XDG_CACHE_HOME": str(state / "cache"),
    }
    where = ["--user-data-dir", str(state / "user"), "--extensions-dir", str(state / "extensions")]
    install = [str(CODE_SERVER), *where, "--install-extension", str(packaged_extension()), "--force"]
    subprocess.run(install, env=environment, check=True, capture_output=True, timeout=120)
    port = _free_port()
    serve = [
        str(CODE_SERVER),
        *where,
        "--auth",
        "none",
        "--bind-addr",
        f"127.0.0.1:{port}",
        "--disable-telemetry",
    ]
    serve += ["--disable-update-check", "--disable-getting-started-override"]
    serve += ["--disable-workspace-trust"] if trusted else []
    with (state / "log").open("wb") as log:
        process = subprocess.Popen(serve, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for_health(port)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
            page = browser.new_page(viewport={"width": 1200, "height": 700})
            page.goto(f"http://127.0.0.1:{port}/?folder={folder}")
            page.locator(".explorer-folders-view .monaco-list-row").first.wait_for(timeout=TIMEOUT_S * 1000)
            yield VSCode(page, folder, machine_settings)
            browser.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(timeout=20)


def _write_json(file: Path, value: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(value))


def _wrapper(program: Path, command: list[str]) -> Path:
    """A program that runs the command, whatever arguments the extension adds."""
    quoted = " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)
    program.write_text(f"#!/bin/sh\nexec {quoted}\n")
    program.chmod(0o755)
    return program


def _free_port() -> int:
    # code-server prints its port too late to wait for, so it is given one that was free a moment ago.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_health(port: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "VS Code does not answer"
            time.sleep(0.1)


def visible_lines(page: Page) -> list[str]:
    """The editor's lines from top to bottom."""
    rows = page.locator(".view-lines .view-line").all()
    placed = [
        (float(re.findall(r"top: ?(\d+)", r.get_attribute("style") or "top:0")[0]), r.inner_text())
        for r in rows
    ]
    return [text.replace("\xa0", " ") for _, text in sorted(placed)]
