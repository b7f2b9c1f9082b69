"""Where this project keeps the tests of a file, in which framework, and how they reach the code."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.assist.actions.spec import Read
from qwen_lsp.code.languages import Tests, language, language_of
from qwen_lsp.errors import ActionRefused

_MARKERS = (
    "pyproject.toml",
    "setup.py",
    "package.json",
    "pom.xml",
    "build.gradle",
    "go.mod",
    "Cargo.toml",
    ".git",
)
_TEST_FOLDERS = ("tests", "__tests__")


@dataclass(frozen=True, slots=True)
class TestPlace:
    """A test file, there or not yet."""

    __test__ = False  # pytest would take it for a test

    path: Path
    framework: str
    reach: str
    """A sentence for the model: how the test gets at the code."""


def is_test_file(path: Path) -> bool:
    """The file itself holds tests."""
    if path.stem.startswith("test_") or re.search(r"(_test|\.test|\.spec)$", path.stem):
        return True
    tests = language(language_of(path) or "").tests
    if tests is None:
        return False
    if path.parent.name in _TEST_FOLDERS and tests.toolchain in {"cargo", "node"}:
        return True
    return any(_is_named(path, name) for name in tests.names if not name.startswith("{stem}."))


def _is_named(path: Path, name: str) -> bool:
    """The file is named as tests are that are called `name`."""
    shape = re.escape(name.replace("{suffix}", path.suffix)).replace(re.escape("{stem}"), ".+")
    return re.fullmatch(shape, path.name) is not None


def place_for_tests(path: Path, language_id: str, roots: Sequence[Path], read: Read) -> TestPlace:
    """The place for the tests of `path`. Looks at a handful of files; creates nothing."""
    if is_test_file(path):
        raise ActionRefused(f"{path.name} is a test file already. Open the code that should be tested.")
    tests = language(language_id).tests
    if tests is None:
        raise ActionRefused(f"No way to write tests is known for the language '{language_id}'.")
    find = _PLACES.get(tests.toolchain)
    root = _root(path, roots)
    return find(path, root, read) if find is not None else _by_convention(path, root, tests)


def tests_of(path: Path, language_id: str, roots: Sequence[Path]) -> list[Path]:
    """The test files that may belong to `path`, existing ones only, the likeliest first."""
    tests = language(language_id).tests
    if tests is None:
        return []
    if tests.in_file:
        return [path]
    root = _root(path, roots)
    names = [_name(path, name) for name in tests.names]
    folders = [path.parent, *(path.parent / name for name in _TEST_FOLDERS), root / "tests", root / "test"]
    folders.append(_maven_tests(path).parent)
    found = [folder / name for folder in folders for name in names if (folder / name).is_file()]
    found += [
        hit for name in names for hit in sorted((root / "tests").rglob(name)) if (root / "tests").is_dir()
    ]
    return [hit for hit in dict.fromkeys(found) if hit != path]


def _name(path: Path, name: str) -> str:
    return name.format(stem=path.stem, suffix=path.suffix)


def _by_convention(path: Path, root: Path, tests: Tests) -> TestPlace:
    """In the project's folder of tests when there is one, else beside the file."""
    mirrored = _maven_tests(path)
    folder = next((root / name for name in ("tests", "test", "spec") if (root / name).is_dir()), path.parent)
    folder = mirrored.parent if mirrored != path else folder
    reach = f'Import what is tested from "{os.path.relpath(path, folder)}".'
    return TestPlace(folder / _name(path, tests.names[0]), tests.framework, reach)


def _maven_tests(path: Path) -> Path:
    """The path with src/main in it as src/test; others stay."""
    parts = list(path.parts)
    for at in range(len(parts) - 1):
        if parts[at : at + 2] == ["src", "main"]:
            parts[at + 1] = "test"
    return Path(*parts)


def _root(path: Path, roots: Sequence[Path]) -> Path:
    """The workspace folder that holds the file, else the nearest folder that looks like a project."""
    holding = [root for root in roots if path.is_relative_to(root)]
    if holding:
        return max(holding, key=lambda root: len(root.parts))
    for folder in path.parents:
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return path.parent


def _python(path: Path, root: Path, read: Read) -> TestPlace:
    folder = next((root / name for name in ("tests", "test") if (root / name).is_dir()), None)
    beside = sorted(path.parent.glob("test_*.py"))
    place = path.parent if folder is None or beside else folder
    if folder is not None and not beside:
        inner = path.parent.relative_to(root).parts if path.is_relative_to(root) else ()
        for part in inner:  # tests that mirror the packages
            place = place / part if (place / part).is_dir() else place
    module = _module(path, root)
    reach = f"Import what is tested from the module {module}."
    return TestPlace(place / f"test_{path.stem}.py", _python_framework(root, place, read), reach)


def _module(path: Path, root: Path) -> str:
    """The dotted name by which the tests import the file."""
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists() and folder != root:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def _python_framework(root: Path, place: Path, read: Read) -> str:
    for existing in sorted(place.glob("test_*.py"))[:5]:
        text = read(existing) or ""
        if "import pytest" in text or re.search(r"^def test_", text, re.MULTILINE):
            return "pytest"
        if "unittest" in text:
            return "unittest"
    return "pytest"


def _script(path: Path, root: Path, read: Read) -> TestPlace:
    nested = path.parent / "__tests__"
    style = "spec" if any(path.parent.glob(f"*.spec{path.suffix}")) else "test"
    name = f"{path.stem}.{style}{path.suffix}"
    place = nested / name if nested.is_dir() else path.parent / name
    if (root / "test").is_dir() and not nested.is_dir() and not any(path.parent.glob("*.test.*")):
        place = root / "test" / name
    back = _relative(path, place.parent)
    return TestPlace(place, _script_framework(root, read), f'Import what is tested from "{back}".')


def _relative(path: Path, folder: Path) -> str:
    """The file as an import written in `folder` names it."""
    back = os.path.relpath(path, folder).replace(os.sep, "/")
    back = back if path.suffix in {".js", ".mjs", ".cjs"} else back.removesuffix(path.suffix)
    return back if back.startswith(".") else f"./{back}"


def _script_framework(root: Path, read: Read) -> str:
    try:
        package = json.loads(read(root / "package.json") or "{}")
    except ValueError:
        package = {}
    named = (
        {**package.get("devDependencies", {}), **package.get("dependencies", {})}
        if isinstance(package, dict)
        else {}
    )
    for name, title in (
        ("vitest", "Vitest"),
        ("jest", "Jest"),
        ("mocha", "Mocha and node:assert"),
        ("ava", "AVA"),
    ):
        if name in named:
            return title
    return "node:test and node:assert"


def _go(path: Path, root: Path, read: Read) -> TestPlace:
    package = re.search(r"^package\s+(\w+)", read(path) or "", re.MULTILINE)
    name = package.group(1) if package else "main"
    return TestPlace(
        path.with_name(f"{path.stem}_test.go"),
        "the testing package",
        f"The test file is in the package {name}.",
    )


def _rust(path: Path, root: Path, read: Read) -> TestPlace:
    return TestPlace(
        path, "the built-in test harness", "The tests stand in a module tests that uses super::*."
    )


def _java(path: Path, root: Path, read: Read) -> TestPlace:
    build = (read(root / "pom.xml") or "") + (read(root / "build.gradle") or "")
    framework = "JUnit 4" if re.search(r"<artifactId>junit</artifactId>|junit:junit:4", build) else "JUnit 5"
    package = re.search(r"^package\s+([\w.]+)\s*;", read(path) or "", re.MULTILINE)
    reach = f"The test class is {path.stem}Test" + (
        f", in the package {package.group(1)}." if package else "."
    )
    return TestPlace(_maven_tests(path).with_name(f"{path.stem}Test.java"), framework, reach)


def _cpp(path: Path, root: Path, read: Read) -> TestPlace:
    build = read(root / "CMakeLists.txt") or ""
    framework = next(
        (
            title
            for mark, title in (("GTest", "GoogleTest"), ("Catch2", "Catch2"), ("doctest", "doctest"))
            if mark in build
        ),
        "assert and a main function, without a library",
    )
    folder = next((root / name for name in ("tests", "test") if (root / name).is_dir()), path.parent)
    header = next(
        (path.with_suffix(end) for end in (".hpp", ".h", ".hh") if path.with_suffix(end).exists()), path
    )
    place = folder / f"{path.stem}_test{path.suffix}"
    return TestPlace(place, framework, f'Include "{os.path.relpath(header, folder)}".')


_PLACES: dict[str, Callable[[Path, Path, Read], TestPlace]] = {
    "python": _python,
    "node": _script,
    "go": _go,
    "cargo": _rust,
    "maven": _java,
    "cmake": _cpp,
}
"""By toolchain; others go by the names in the table of languages."""
