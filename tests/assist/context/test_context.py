"""Context from other files: what goes in, what never does, and that it stays the same while one types."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp.assist.context import Context, Snippet
from qwen_lsp.assist.context.rank import cost_tokens
from qwen_lsp.code.snapshot import Edit, Snapshot, snapshot_at_mark
from qwen_lsp.settings import ContextSettings

PATIENT = ContextSettings(deadline_ms=5_000)
RING = 'def area_of_ring(outer, inner):\n    """Area between two circles."""\n    return 3 * (outer**2 - inner**2)\n'
USE = "from shapes.rings import area_of_ring\n\n\ndef main():\n    print(area_of_ring(¦\n"


@pytest.fixture
async def contexts(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Context]]:
    monkeypatch.setattr("qwen_lsp.assist.context.symbol_index._START_AFTER_S", 0.0)
    made: list[Context] = []
    yield made
    for context in made:
        context.close()


async def ready(contexts: list[Context], root: Path, settings: ContextSettings = PATIENT) -> Context:
    context = Context(settings, [root])
    contexts.append(context)
    assert await context.wait_until_indexed(20)
    return context


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def at(root: Path, marked: str = USE, name: str = "main.py") -> tuple[Snapshot, int]:
    return snapshot_at_mark(marked, uri=(root / name).as_uri())


def texts(snippets: tuple[Snippet, ...]) -> str:
    return "\n".join(snippet.text for snippet in snippets)


async def test_the_definition_in_another_file_is_found(tmp_path: Path, contexts: list[Context]) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    context = await ready(contexts, tmp_path)
    (snippet,) = await context.snippets(*at(tmp_path))
    assert (snippet.path, snippet.why) == ("shapes/rings.py", "defines area_of_ring")
    assert snippet.text == RING.rstrip("\n")


@pytest.mark.parametrize(
    ("file", "ignore_file", "rule"),
    [
        ("shapes/rings.py", ".gitignore", "shapes/\n"),
        ("shapes/rings.py", ".ignore", "rings.py\n"),
        ("shapes/rings.py", ".qwenignore", "*.py\n!main.py\n"),
        ("shapes/rings.py", "shapes/.gitignore", "rings.py\n"),
        ("secrets/rings.py", "", ""),
        (".env.py", "", ""),
        (".ssh/rings.py", "", ""),
    ],
)
async def test_ignored_and_secret_files_are_never_read(
    tmp_path: Path, contexts: list[Context], file: str, ignore_file: str, rule: str
) -> None:
    write(tmp_path / file, RING)
    if ignore_file:
        write(tmp_path / ignore_file, rule)
    context = await ready(contexts, tmp_path)
    assert await context.snippets(*at(tmp_path)) == ()


async def test_a_file_that_shows_a_private_key_is_not_read(tmp_path: Path, contexts: list[Context]) -> None:
    write(tmp_path / "rings.py", RING + 'KEY = """-----BEGIN RSA PRIVATE KEY-----\n"""\n')
    context = await ready(contexts, tmp_path)
    assert await context.snippets(*at(tmp_path)) == ()


async def test_a_link_to_a_secret_is_a_secret(tmp_path: Path, contexts: list[Context]) -> None:
    write(tmp_path / ".env", RING)
    (tmp_path / "rings.py").symlink_to(tmp_path / ".env")
    context = await ready(contexts, tmp_path)
    assert context.is_private(tmp_path / "rings.py")
    context.opened(Snapshot((tmp_path / "rings.py").as_uri(), "python", 1, RING))
    assert await context.snippets(*at(tmp_path)) == ()


async def test_an_open_secret_is_no_context_and_gets_none(tmp_path: Path, contexts: list[Context]) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    context = await ready(contexts, tmp_path)
    context.opened(
        Snapshot((tmp_path / ".env").as_uri(), "python", 1, "area_of_ring = secret_password\n" * 5)
    )
    assert "secret_password" not in texts(await context.snippets(*at(tmp_path)))
    assert await context.snippets(*at(tmp_path, name=".env")) == ()


async def test_the_settings_can_ignore_more(tmp_path: Path, contexts: list[Context]) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    context = await ready(contexts, tmp_path, replace(PATIENT, ignore=["shapes/**"]))
    assert await context.snippets(*at(tmp_path)) == ()


async def test_switched_off_it_reads_nothing(tmp_path: Path, contexts: list[Context]) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    context = await ready(contexts, tmp_path, replace(PATIENT, enabled=False))
    assert context.indexed == (0, 0)
    assert await context.snippets(*at(tmp_path)) == ()


async def test_the_budget_holds(tmp_path: Path, contexts: list[Context]) -> None:
    for number in range(8):
        body = "".join(f"    value_{number}_{line} = compute_{number}({line})\n" for line in range(25))
        write(tmp_path / f"mod{number}.py", f"def helper_{number}(a):\n{body}")
    marked = (
        "\n".join(f"from mod{n} import helper_{n}" for n in range(8))
        + "\n"
        + "\n".join(f"helper_{n}(1)" for n in range(8))
        + "\n¦"
    )
    context = await ready(contexts, tmp_path, replace(PATIENT, max_tokens=600))
    chosen = await context.snippets(*at(tmp_path, marked))
    assert 1 <= len(chosen) < 8
    assert sum(map(cost_tokens, chosen)) <= 600


async def test_late_sources_are_left_out_and_not_waited_for(
    tmp_path: Path, contexts: list[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    context = await ready(contexts, tmp_path, replace(PATIENT, deadline_ms=30))
    hold = threading.Event()

    def stuck(*_: object) -> list[object]:
        hold.wait(20)
        return []

    monkeypatch.setattr("qwen_lsp.assist.context.sources.edited_places", stuck)
    answer = await context.snippets(*at(tmp_path))
    assert not hold.is_set()
    hold.set()
    assert texts(answer) == RING.rstrip("\n")


async def test_while_typing_nothing_that_stands_there_changes(
    tmp_path: Path, contexts: list[Context]
) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    write(tmp_path / "shapes" / "squares.py", "def area_of_square(side):\n    return side * side\n")
    context = await ready(contexts, tmp_path)
    before = await context.snippets(*at(tmp_path))
    typed = await context.snippets(*at(tmp_path, USE.replace("¦", "outer, ¦")))
    assert typed[: len(before)] == before
    added = await context.snippets(*at(tmp_path, USE.replace("¦", "area_of_square(¦")))
    assert added[: len(before)] == before
    assert "area_of_square" in texts(added[len(before) :])


async def test_a_changed_file_is_known_by_its_new_text(tmp_path: Path, contexts: list[Context]) -> None:
    file = write(tmp_path / "shapes" / "rings.py", "x = 1\n")
    context = await ready(contexts, tmp_path)
    assert await context.snippets(*at(tmp_path)) == ()
    file.write_text(RING, "utf-8")
    context.files_changed([file])
    assert await context.wait_until_indexed(20)
    assert "Area between" in texts(await context.snippets(*at(tmp_path, "\n" * 60 + USE)))
    file.unlink()
    context.files_changed([file])
    assert await context.wait_until_indexed(20)
    assert await context.snippets(*at(tmp_path, "\n" * 120 + USE)) == ()


async def test_what_changes_in_a_folder_that_is_never_walked_is_not_read(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, contexts: list[Context]
) -> None:
    context = await ready(contexts, tmp_path)
    installed = write(tmp_path / "node_modules" / "rings" / "rings.py", RING)
    outside = write(tmp_path_factory.mktemp("elsewhere") / "rings.py", RING)
    context.files_changed([installed, outside])
    assert await context.wait_until_indexed(20)
    assert context.indexed == (0, 0)


async def test_where_nobody_watches_a_checkout_is_noticed_when_something_is_asked(
    tmp_path: Path, contexts: list[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "shapes" / "rings.py", "x = 1\n")
    gone = write(tmp_path / "shapes" / "old.py", RING.replace("area_of_ring", "area_of_old_ring"))
    context = await ready(contexts, tmp_path)
    index = context._index
    assert index is not None
    index._look_again_s = 0.0
    file.write_text(RING, "utf-8")
    gone.unlink()
    await context.snippets(*at(tmp_path))
    assert await context.wait_until_indexed(20)
    assert "Area between" in texts(await context.snippets(*at(tmp_path, "\n" * 60 + USE)))
    assert index.look_up("area_of_old_ring") == ()


async def test_a_place_edited_lately_comes_along(tmp_path: Path, contexts: list[Context]) -> None:
    context = await ready(contexts, tmp_path)
    text = "".join(f"setting_{n} = load_setting({n})\n" for n in range(200))
    other = Snapshot((tmp_path / "other.py").as_uri(), "python", 1, text)
    context.opened(replace(other, text=text.replace("setting_150", "x", 1)))
    context.changed(other, [Edit(text.index("setting_150"), text.index("setting_150") + 1, "setting_150")])
    chosen = await context.snippets(*at(tmp_path, "import other\n\nvalue = ¦\n"))
    assert any(s.why == "lately edited" and "setting_150" in s.text for s in chosen)


async def test_what_the_window_shows_already_is_left_out(tmp_path: Path, contexts: list[Context]) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    context = await ready(contexts, tmp_path)
    assert await context.snippets(*at(tmp_path, RING + "\n" + USE)) == ()


async def test_a_near_twin_of_the_place_is_left_out(tmp_path: Path, contexts: list[Context]) -> None:
    context = await ready(contexts, tmp_path)
    here = "def convert(record):\n    first = record.first_name\n    second = record.second_name\n    ¦\n"
    twin = here.replace("¦", "third = record.third_name")
    context.opened(Snapshot((tmp_path / "twin.py").as_uri(), "python", 1, twin))
    assert await context.snippets(*at(tmp_path, here)) == ()


async def test_a_closed_document_is_forgotten(tmp_path: Path, contexts: list[Context]) -> None:
    context = await ready(contexts, tmp_path)
    other = Snapshot((tmp_path / "other.py").as_uri(), "python", 1, "alpha = beta(gamma, delta)\n" * 3)
    context.opened(other)
    assert await context.snippets(*at(tmp_path, "value = ¦\n")) != ()
    context.closed(other.uri)
    context.closed((tmp_path / "main.py").as_uri())
    assert await context.snippets(*at(tmp_path, "value = ¦\n")) == ()


async def test_what_an_open_file_imports_is_known_before_the_walk_is_done(
    tmp_path: Path, contexts: list[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    monkeypatch.setattr("qwen_lsp.assist.context.symbol_index.walk", lambda *_, **__: iter(()))
    context = await ready(contexts, tmp_path)
    assert context.indexed == (0, 0)
    snapshot, cursor = at(tmp_path)
    context.opened(snapshot)
    assert await context.wait_until_indexed(20)
    assert "Area between" in texts(await context.snippets(snapshot, cursor))


async def test_an_ignored_import_stays_unread(
    tmp_path: Path, contexts: list[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    write(tmp_path / ".gitignore", "rings.py\n")
    context = await ready(contexts, tmp_path)
    snapshot, cursor = at(tmp_path)
    context.opened(snapshot)
    assert await context.wait_until_indexed(20)
    assert await context.snippets(snapshot, cursor) == ()


async def test_the_home_folder_is_not_walked(
    tmp_path: Path, contexts: list[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shapes" / "rings.py", RING)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (await ready(contexts, tmp_path)).indexed == (0, 0)
