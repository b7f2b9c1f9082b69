"""Building the starter: once, by one process, wholly or not at all. Trainings here are a few steps long."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from qwen_lsp.errors import EngineUnavailable
from qwen_lsp.starter.build import BuildProgress, ensure_starter, is_built, recipe_fingerprint, starter_folder

pytestmark = pytest.mark.model

_SHORT = {"steps": 2, "seconds": 2.0, "longest_s": 2.0}


def _workers() -> list[psutil.Process]:
    """The building processes we started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "qwen_lsp.starter.worker" in child.cmdline():
                found.append(child)
        except psutil.Error:
            continue
    return found


def _left(folder: Path) -> list[str]:
    """What lies beside the folder, but for the lock, which is empty."""
    return sorted(p.name for p in folder.parent.iterdir() if p.name != f"{folder.name}.lock")


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[BuildProgress], list[BuildProgress], int]:
    """Two builders at once, where a broken starter and the draft of a killed builder lie.

    The folder, what each was told, and the most workers ever seen.
    """
    folder = tmp_path_factory.mktemp("cache") / "starter"
    folder.mkdir()
    (folder / "config.json").write_text("{", "utf-8")
    folder.with_name("starter.draft-of-a-killed-one").mkdir()
    told: tuple[list[BuildProgress], list[BuildProgress]] = ([], [])
    workers = [0]

    def build(number: int) -> None:
        def tell(said: BuildProgress) -> None:
            told[number].append(said)
            workers[0] = max(workers[0], len(_workers()))

        ensure_starter(folder, tell, options=_SHORT)

    threads = [threading.Thread(target=build, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return folder, told[0], told[1], workers[0]


Built = tuple[Path, list[BuildProgress], list[BuildProgress], int]


def test_the_starter_lives_in_the_cache(own_home: Path) -> None:
    assert starter_folder() == own_home / "cache" / "starter"
    assert not is_built(starter_folder())


@pytest.mark.process
def test_two_who_ask_at_once_share_one_build(built: Built) -> None:
    folder, first, second, workers = built
    assert is_built(folder)
    assert workers == 1
    builder, waiter = sorted((first, second), key=lambda told: told[-1].share != 1.0)
    assert builder[-1].share == 1.0
    assert waiter, "the one who waits is told how far the other is"
    assert {said.step for said in waiter} <= {said.step for said in builder}


@pytest.mark.process
def test_what_was_broken_is_replaced_and_left_overs_are_cleared(built: Built) -> None:
    assert json.loads((built[0] / "config.json").read_text("utf-8"))["model_type"] == "qwen3_moe"
    assert _left(built[0]) == ["starter"]


@pytest.mark.process
def test_progress_never_goes_back_and_tells_the_time_left(built: Built) -> None:
    told = max(built[1:3], key=len)
    shares = [said.share for said in told]
    assert shares == sorted(shares)
    assert any(said.seconds_left is not None for said in told)


@pytest.mark.process
def test_too_short_a_training_is_said_plainly(built: Built) -> None:
    said = max(built[1:3], key=lambda told: told[-1].share)[-1].step
    assert "learned only a part" in said
    assert "qwen-lsp starter" in said


@pytest.mark.process
def test_what_is_built_is_not_built_again(built: Built) -> None:
    told: list[BuildProgress] = []
    assert ensure_starter(built[0], told.append) == built[0]
    assert told == []


@pytest.mark.process
def test_half_a_folder_or_one_of_another_recipe_does_not_count(built: Built, tmp_path: Path) -> None:
    made = json.loads((built[0] / "starter.json").read_text("utf-8"))
    assert made["recipe"] == recipe_fingerprint()
    for file in ("model.safetensors", "config.json", "starter.json"):
        copy = tmp_path / f"without-{file}"
        copy.mkdir()
        for part in built[0].iterdir():
            if part.name != file:
                (copy / part.name).write_bytes(part.read_bytes())
        assert not is_built(copy)
    (copy / "starter.json").write_text(json.dumps(made | {"recipe": "another"}), "utf-8")
    assert not is_built(copy)
    (copy / "starter.json").write_text("[", "utf-8")
    assert not is_built(copy)


def _until_training(then: Callable[[], None]) -> Callable[[BuildProgress], None]:
    def tell(said: BuildProgress) -> None:
        if said.step == "training":
            then()

    return tell


@pytest.mark.process
def test_a_stopped_build_leaves_nothing(tmp_path: Path) -> None:
    folder, stopped = tmp_path / "starter", threading.Event()
    with pytest.raises(EngineUnavailable, match="stopped"):
        ensure_starter(folder, _until_training(stopped.set), stopped.is_set, {"steps": 100_000})
    assert _left(folder) == []
    assert _workers() == []


@pytest.mark.process
def test_the_one_who_waits_can_stop_without_ending_the_build(tmp_path: Path) -> None:
    folder, stop_builder, waiting = tmp_path / "starter", threading.Event(), threading.Event()
    ended: list[str] = []

    def build() -> None:
        try:
            ensure_starter(folder, _until_training(waiting.set), stop_builder.is_set, {"steps": 100_000})
        except EngineUnavailable as error:
            ended.append(str(error))

    builder = threading.Thread(target=build)
    builder.start()
    assert waiting.wait(60)
    heard = threading.Event()
    with pytest.raises(EngineUnavailable, match="stopped"):
        ensure_starter(folder, lambda said: heard.set(), heard.is_set)
    assert len(_workers()) == 1
    stop_builder.set()
    builder.join()
    assert len(ended) == 1
    assert _workers() == []


@pytest.mark.process
def test_a_killed_worker_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "starter"

    def kill() -> None:
        for worker in _workers():
            worker.kill()

    with pytest.raises(EngineUnavailable, match="Try again with: qwen-lsp starter"):
        ensure_starter(folder, _until_training(kill), options={"steps": 100_000})
    assert _left(folder) == []


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(EngineUnavailable, match="QWEN_LSP_HOME"):
        ensure_starter(tmp_path / "file" / "starter")
