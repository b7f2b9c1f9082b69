"""Real VS Code: every command of the palette, and the program that is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.editors.vscode import VSCode
from tests.support.editors.vscode_scene import Scene, scripted_vscode
from tests.support.scripted_assistant import Line

pytestmark = [pytest.mark.editor, pytest.mark.browser, pytest.mark.heavy]

CODE = "é = 1\f\ndef é(a):\n    return a\n"
FILES = {
    "line.py": "",
    "explain.py": CODE,
    "instruct.py": CODE,
    "tested.py": CODE,
    "review.py": CODE,
    "other.py": "",
}
LINES = [Line("def add(", ("a, b):\n    return a + b\n",))]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("QWEN_LSP_SUGGEST_OFF_LANGUAGES", "cobol")
        with scripted_vscode(tmp_path_factory.mktemp("vscode"), FILES, LINES) as scene:
            yield scene


def selected(scene: Scene, name: str) -> VSCode:
    """A file, open, its function selected."""
    code = scene.fresh(name)
    for _ in range(2):
        code.page.keyboard.press("Shift+ArrowUp")
    return code


def test_what_is_not_set_here_comes_from_the_environment(scene: Scene) -> None:
    scene.fresh("other.py")
    assert scene.told("settings")[-1]["off_languages"] == ["cobol"]


def test_a_line_is_accepted(scene: Scene) -> None:
    code = scene.fresh("line.py")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.page.keyboard.press("Control+Alt+ArrowRight")
    code.until(
        lambda: "return a + b" in code.ghost() and "a, b" not in code.ghost(), "the second line is left"
    )
    code.page.keyboard.press("Escape")
    assert code.text().rstrip() == "def add(a, b):"


def test_a_selection_is_explained_in_a_document(scene: Scene) -> None:
    code = selected(scene, "explain.py")
    scene.answer("It gives back *é*.")
    code.command("Qwen: Explain Selection")
    frame = code.page.frame_locator("iframe.webview.ready").frame_locator("#active-frame")
    frame.locator('em:has-text("é")').wait_for()
    assert "It gives back é." in frame.locator("body").inner_text()
    code.picture("vscode-explain")


def test_a_selection_is_changed_by_an_instruction(scene: Scene) -> None:
    code = selected(scene, "instruct.py")
    scene.answer("```python\ndef é(a):\n    return a or 1\n```")
    code.page.keyboard.press("Control+Alt+i")
    box = code.page.locator(".quick-input-widget input[type=text]")
    box.wait_for()
    code.picture("vscode-instruct")
    box.fill("Return one for nothing")
    code.page.keyboard.press("Enter")
    code.page.locator('.view-line:has-text("return a or 1")').wait_for()
    assert code.text() == CODE.replace("return a", "return a or 1")
    assert "Return one for nothing" in scene.told("asked")[-1]["prompt"]


def test_tests_are_generated_into_a_file(scene: Scene) -> None:
    code = selected(scene, "tested.py")
    scene.answer("```python\nfrom tested import é\n\n\ndef test_é():\n    assert é(1) == 1\n```")
    code.command("Qwen: Generate Tests")
    code.page.locator('.tab.active[data-resource-name="test_tested.py"]').wait_for()
    code.picture("vscode-tests")
    assert code.text() == "from tested import é\n\n\ndef test_é():\n    assert é(1) == 1\n"


def test_a_review_is_shown_as_problems(scene: Scene) -> None:
    code = selected(scene, "review.py")
    scene.answer(
        '```json\n[{"line": 2, "severity": "error", "area": "quality", "message": "Bad", "fix": "Do"}]\n```'
    )
    code.command("Qwen: Review Selection")
    code.page.locator(".squiggly-error").first.wait_for()
    code.page.keyboard.press("Control+Shift+m")
    code.page.locator('.markers-panel .monaco-list-row:has-text("Bad")').wait_for()
    code.picture("vscode-review")
    code.command("Qwen: Clear the Findings of Reviews")
    code.page.locator(".squiggly-error").first.wait_for(state="detached")


def test_the_page_is_opened(scene: Scene) -> None:
    code = scene.fresh("other.py")
    scene.answer("", address="http://127.0.0.1:9/")
    with code.page.expect_popup() as popup:
        code.command("Qwen: Open the Page")
    assert popup.value.url.endswith("/proxy/9/")  # code-server's way to a loopback address of its machine
    popup.value.close()


def test_the_log_says_what_was_started(scene: Scene) -> None:
    code = scene.code
    code.command("Qwen: Show Log")
    code.page.locator('.output-view .view-line:has-text("The page: ")').first.wait_for()
    code.picture("vscode-log")
    assert "Traceback" not in code.page.locator(".output-view .view-lines").inner_text()


def test_a_program_that_is_missing_is_explained_and_used_as_soon_as_it_is_named(scene: Scene) -> None:
    code = scene.code
    program = code.server_program("/no/such/qwen-lsp")
    notice = code.page.locator('.notification-list-item:has-text("qwen-lsp was not found")')
    notice.wait_for()
    code.picture("vscode-missing")
    notice.locator('.monaco-button:has-text("How to Install")').click()
    code.page.locator('.gettingStartedContainer .step-title:has-text("Install qwen-lsp")').wait_for()
    before = len(scene.told("settings"))
    code.server_program(program)
    code.until(lambda: len(scene.told("settings")) > before, "the server runs")
    code.until(lambda: code.status() == "Qwen", "and says how it is")


def test_the_environment_of_the_folder_is_found_without_a_setting(scene: Scene) -> None:
    code = scene.code
    own = code.folder / ".venv" / "bin" / "qwen-lsp"
    own.parent.mkdir(parents=True)
    program = code.server_program("/no/such/qwen-lsp")
    code.until(
        lambda: "Qwen" in code.status() and code.page.locator(f"{code.STATUS} .codicon-warning").count() > 0,
        "none runs",
    )
    own.symlink_to(program)
    before = len(scene.told("settings"))
    code.server_program("")
    code.until(lambda: len(scene.told("settings")) > before, "the server of the folder runs")
