"""What is wrong is said in a sentence, with an exit code, and never with a traceback."""

from __future__ import annotations

import json
import shutil
import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import TIMEOUT_S, Run, Start
from tests.support.repository import REPOSITORY

pytestmark = pytest.mark.process

_NO_MLX = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mlx", "mlx_lm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def failed_detail(url: str) -> str:
    """What the host says once it has failed to load."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        assert time.monotonic() < deadline, "it neither loads nor fails"
        engine = httpx.get(f"{url}/qwen/status", timeout=60).json()["engine"]
        if engine["state"] == "failed":
            return str(engine["detail"])
        assert engine["state"] == "loading", engine
        time.sleep(0.05)


def test_a_model_that_is_not_there_is_named(start: Start) -> None:
    assert "/no/such/model" in failed_detail(start("--no-page", "--model", "/no/such/model"))


@pytest.mark.parametrize(
    ("file", "text"), [("config.json", "{ broken"), ("tokenizer.json", None), ("config.json", None)]
)
def test_a_damaged_model_folder_is_told_by_the_file(
    start: Start, starter_folder: Path, tmp_path: Path, file: str, text: str | None
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(starter_folder, folder)
    (folder / file).unlink()
    for other in ("vocab.json", "merges.txt") if file == "tokenizer.json" else ():
        (folder / other).unlink()  # it could be made from these again
    if text is not None:
        (folder / file).write_text(text)
    detail = failed_detail(start("--no-page", "--model", str(folder)))
    assert file in detail
    assert "Traceback" not in detail


def test_without_mlx_it_says_how_to_get_on(
    start: Start, starter_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(_NO_MLX)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "blocked"))
    detail = failed_detail(start("--no-page", "--model", str(starter_folder)))
    assert "mlx" in detail.lower()
    assert "demo" in detail or "install" in detail


def test_a_taken_port_is_told(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = run("serve", "--no-page", "--engine", "demo", "--port", str(port))
    assert told.returncode == 1
    assert f"Port {port} is taken" in told.stderr


def test_a_cache_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    home = str(tmp_path / "file")
    for arguments in (("doctor",), ("serve", "--no-page", "--engine", "demo", "--port", "0")):
        told = run(*arguments, QWEN_LSP_HOME=home)
        assert told.returncode == 1, arguments
        assert home in told.stdout + told.stderr
        assert "Traceback" not in told.stderr


def test_an_unknown_setting_is_named_and_the_rest_works(run: Run, own_home: Path) -> None:
    from qwen_lsp.paths import paths

    paths().config.mkdir(parents=True)
    (paths().config / "config.toml").write_text("[engine]\nkind = 'none'\nkindness = 3\n")
    told = run("doctor")
    assert "kindness" in told.stderr
    assert "engine.kind is none" in told.stdout


def test_recall_on_and_off_are_laid_beside_each_other(run: Run, tmp_path: Path) -> None:
    source = REPOSITORY / "qwen_lsp" / "lsp"
    for twin in ("one", "two"):  # what is missing in a file stands in its twin
        shutil.copytree(source, tmp_path / "code" / twin)
    for mode in ("off", "on"):
        told = run(
            "eval", str(tmp_path / "code"), "--engine", "none", "--recall", mode, "--kinds", "line",
            "--holes", "40", "--json", str(tmp_path / f"{mode}.json"),
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
    compared = run("eval", "--compare", str(tmp_path / "off.json"), str(tmp_path / "on.json"))
    assert "40 holes in common" in compared.stdout
    shown = {
        mode: sum(hole["shown"] for hole in json.loads((tmp_path / f"{mode}.json").read_text())["results"])
        for mode in ("off", "on")
    }
    assert shown["off"] == 0
    assert shown["on"] > 10


def test_places_that_are_none_and_empty_records_are_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    for place, words in ((f"{file}", "is no place"), (f"{file}:99", "no line 99"), ("nowhere.py:1", "read")):
        told = run("complete", place, QWEN_LSP_ENGINE_KIND="none")
        assert told.returncode == 1
        assert words in told.stderr
    assert "No suggestion was asked for yet" in run("doctor", "--traces").stdout
    assert run("doctor", "--stats").returncode == 0
