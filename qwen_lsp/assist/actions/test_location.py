"""Where this project keeps the tests of a file, in which framework, and how they reach the code."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.errors import ActionRefused

Read = Callable[[Path], str | None]
"""A file's text as the editor or the disk has it; None when it is not there or too large."""

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
    stem = path.stem
    return bool(
        stem.startswith("test_")
        or re.search(r"(_test|\.test|\.spec)$", stem)
        or (stem.endswith("Test") and path.suffix == ".java")
        or (path.parent.name in {"tests", "__tests__"} and path.suffix in {".rs", ".js", ".ts"})
    )


def place_for_tests(path: Path, language: str, roots: Sequence[Path], read: Read) -> TestPlace:
    """The place for the tests of `path`. Looks at a handful of files; creates nothing."""
    if is_test_file(path):
        raise ActionRefused(f"{path.name} is a test file already. Open the code that should be tested.")
    find = _PLACES.get(language)
    if find is None:
        raise ActionRefused(f"No way to write tests is known for the language '{language}'.")
    return find(path, _root(path, roots), read)


def tests_of(path: Path, language: str, roots: Sequence[Path]) -> list[Path]:
    """The test files that may belong to `path`, existing ones only, the likeliest first."""
    root, stem = _root(path, roots), path.stem
    names = {
        "python": [f"test_{stem}.py", f"{stem}_test.py"],
        "go": [f"{stem}_test.go"],
        "java": [f"{stem}Test.java", f"Test{stem}.java"],
        "cpp": [f"{stem}_test.cpp", f"test_{stem}.cpp"],
        "rust": [f"{stem}.rs"],
    }.get(language, [f"{stem}.test{path.suffix}", f"{stem}.spec{path.suffix}"])
    folders = [path.parent, path.parent / "tests", path.parent / "__tests__", root / "tests", root / "test"]
    if language == "java":
        folders.append(Path(str(path.parent).replace("/src/main/", "/src/test/")))
    found = [folder / name for folder in folders for name in names if (folder / name).is_file()]
    found += [
        hit for name in names for hit in sorted((root / "tests").rglob(name)) if (root / "tests").is_dir()
    ]
    return [hit for hit in dict.fromkeys(found) if hit != path]


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
    parts = list(path.parts)
    for at in range(len(parts) - 1):
        if parts[at : at + 2] == ["src", "main"]:
            parts[at + 1] = "test"
    build = (read(root / "pom.xml") or "") + (read(root / "build.gradle") or "")
    framework = "JUnit 4" if re.search(r"<artifactId>junit</artifactId>|junit:junit:4", build) else "JUnit 5"
    package = re.search(r"^package\s+([\w.]+)\s*;", read(path) or "", re.MULTILINE)
    reach = f"The test class is {path.stem}Test" + (
        f", in the package {package.group(1)}." if package else "."
    )
    return TestPlace(Path(*parts).with_name(f"{path.stem}Test.java"), framework, reach)


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
    "javascript": _script,
    "javascriptreact": _script,
    "typescript": _script,
    "typescriptreact": _script,
    "go": _go,
    "rust": _rust,
    "java": _java,
    "cpp": _cpp,
    "c": _cpp,
}
