"""Where the tests of a file go, and which test files belong to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.assist.actions import test_location as location
from qwen_lsp.errors import ActionRefused


@pytest.mark.parametrize(
    ("language", "source", "tests"),
    [
        ("python", "shop/cart.py", "shop/test_cart.py"),
        ("typescriptreact", "src/cart.tsx", "src/cart.test.tsx"),
        ("go", "cart.go", "cart_test.go"),
        ("rust", "src/cart.rs", "src/cart.rs"),
        ("java", "src/main/java/a/Cart.java", "src/test/java/a/CartTest.java"),
        ("cpp", "src/cart.cc", "src/cart_test.cc"),
        ("ruby", "lib/cart.rb", "lib/cart_test.rb"),
        ("csharp", "src/Cart.cs", "src/CartTests.cs"),
        ("kotlin", "src/main/kotlin/a/Cart.kt", "src/test/kotlin/a/CartTest.kt"),
        ("elixir", "lib/cart.ex", "lib/cart_test.exs"),
    ],
)
def test_tests_are_written_where_the_language_has_them_and_found_there(
    tmp_path: Path, language: str, source: str, tests: str
) -> None:
    path = tmp_path / source
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", "utf-8")
    place = location.place_for_tests(path, language, [tmp_path], lambda file: None)
    assert place.path == tmp_path / tests
    place.path.parent.mkdir(parents=True, exist_ok=True)
    place.path.write_text("", "utf-8")
    assert location.tests_of(path, language, [tmp_path]) == [place.path]
    assert location.is_test_file(place.path) is (tests != source)


def test_a_folder_of_tests_is_used_by_languages_that_only_the_table_knows(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    path = tmp_path / "lib" / "cart.rb"
    place = location.place_for_tests(path, "ruby", [tmp_path], lambda file: None)
    assert place.path == tmp_path / "test" / "cart_test.rb"
    assert place.reach == 'Import what is tested from "../lib/cart.rb".'


def test_a_language_without_known_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ActionRefused, match="yaml"):
        location.place_for_tests(tmp_path / "a.yaml", "yaml", [tmp_path], lambda file: None)
