"""Settings: every option once, strict reading, and docs that cannot lie."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qwen_lsp.errors import SettingsError
from qwen_lsp.settings import Settings, load_settings, options_table
from tests.support.repository import REPOSITORY

NOWHERE = Path("/nonexistent/config.toml")


def test_editor_wins_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[suggest]\nmax_tokens = 10\nmax_lines = 3\ndebounce_ms = 5\n")
    environment = {"QWEN_LSP_SUGGEST_MAX_TOKENS": "20", "QWEN_LSP_SUGGEST_MAX_LINES": "4"}
    settings, problems = load_settings({"suggest": {"max_tokens": 30}}, file=file, environment=environment)
    assert problems == []
    assert (settings.suggest.max_tokens, settings.suggest.max_lines, settings.suggest.debounce_ms) == (
        30,
        4,
        5,
    )


def test_every_problem_is_reported_at_once_and_defaults_stay() -> None:
    given = {
        "sugest": {},
        "suggest": {"max_tokens": "many", "colour": 1, "multiline": "perhaps"},
        "engine": 3,
    }
    settings, problems = load_settings(given, file=NOWHERE, environment={})
    assert settings == Settings()
    assert len(problems) == 5
    assert any("sugest" in p and "suggest" in p for p in problems)
    assert any("auto, always, never" in p for p in problems)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[suggest\n")
    with pytest.raises(SettingsError, match=r"config\.toml"):
        load_settings(file=file, environment={})


def test_a_wrong_word_in_the_environment_is_refused_not_raised() -> None:
    settings, problems = load_settings(file=NOWHERE, environment={"QWEN_LSP_HOST_PORT": "seven"})
    assert settings.host.port == Settings().host.port
    assert len(problems) == 1


def test_every_option_has_a_meaning() -> None:
    assert all(meaning for _, _, _, meaning in options_table())


def test_the_settings_page_is_up_to_date() -> None:
    root = REPOSITORY
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
