"""Which job runs the tests of a language, or one program. Offline; single-file layouts get a build file of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_lsp.code.languages import language as language_row
from qwen_lsp.errors import SandboxUnavailable
from qwen_lsp.sandbox.job import Job, Reader
from qwen_lsp.sandbox.toolchains.find import find_cargo, find_go, find_python, find_tool
from qwen_lsp.sandbox.toolchains.maven import maven_job

Files = Mapping[str, str | bytes]
_COMPILED = 6.0
"""Compilers may take this many times the usual time."""
_THREADS = 512


@dataclass(frozen=True, slots=True)
class _Given:
    files: dict[str, str | bytes]
    targets: tuple[str, ...]
    framework: str
    project: Path | None

    def has(self, name: str) -> bool:
        return name in self.files


def job_for_tests(
    language: str,
    files: Files,
    *,
    targets: tuple[str, ...] = (),
    framework: str = "",
    project: Path | None = None,
) -> Job:
    """The job that runs the tests among `files` (only those in `targets`, when given and the runner can).

    `project` is where installed packages are looked for. Raises SandboxUnavailable when a toolchain is missing.
    """
    tests = language_row(language).tests
    make = _TESTS.get(tests.toolchain) if tests is not None else None
    if make is None:
        raise SandboxUnavailable(f"No way to run tests is known for the language '{language}'.")
    return make(_Given(dict(files), targets, framework, project))


def job_for_program(language: str, name: str, code: str, project: Path | None = None) -> Job:
    """The job that runs one program; it passes when it ends with exit code 0."""
    if language == "python":
        tool = find_python(project, "sys")
        return Job({name: code}, ((tool.program, "-I", "-B", name),), readable=tool.readable)
    if language == "javascript":
        node = find_tool("node", "Node")
        return _roomy({name: code}, ((node.program, name),), node.readable, 1.0)
    if language in {"c", "cpp"}:
        compiler = find_tool("g++" if language == "cpp" else "gcc", "A C++ compiler")
        build = (compiler.program, "-O1", "-o", "program", name)
        return _roomy({name: code}, (build, ("./program",)), compiler.readable, _COMPILED)
    if language == "java":
        java = find_tool("java", "Java")
        return _roomy({name: code}, ((java.program, "-XX:-UsePerfData", name),), java.readable, _COMPILED)
    if language == "go":
        go = find_go()
        return _roomy({name: code}, ((go.program, "run", name),), go.readable, _COMPILED, _GO)
    if language == "rust":
        cargo = find_cargo()
        rustc = str(Path(cargo.program).with_name("rustc"))
        return _roomy(
            {name: code}, ((rustc, "-o", "program", name), ("./program",)), cargo.readable, _COMPILED
        )
    raise SandboxUnavailable(f"No way to run a program is known for the language '{language}'.")


def _roomy(
    files: Files,
    commands: tuple[tuple[str, ...], ...],
    readable: tuple[Path, ...],
    patience: float,
    environment: Mapping[str, str] | None = None,
) -> Job:
    """A job of a runtime with many threads and a large address space."""
    return Job(
        files,
        commands,
        readable=readable,
        environment=environment or {},
        limits_address_space=False,
        processes=_THREADS,
        patience=patience,
    )


def _python(given: _Given) -> Job:
    is_unittest = given.framework == "unittest"
    tool = find_python(given.project, "unittest" if is_unittest else "pytest")
    kind = "unittest" if is_unittest else "pytest"
    command = (tool.program, "-I", "-B", "{inside}/tests.py", kind, *given.targets)
    return Job(given.files, (command,), "python", readable=tool.readable)


_GO = {
    "GOFLAGS": "-mod=mod",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOCACHE": "{work}/.cache",
    "GOPATH": "{work}/.go",
}


def _go(given: _Given) -> Job:
    go = find_go()
    if not any(name.endswith("_test.go") for name in given.files):
        # go test calls a package without tests a success.
        raise SandboxUnavailable("None of these files holds Go tests; their names must end in _test.go.")
    if not given.has("go.mod"):
        given.files["go.mod"] = "module sample\n\ngo 1.18\n"
    return _roomy(given.files, ((go.program, "test", "./..."),), go.readable, _COMPILED, _GO)


def _rust(given: _Given) -> Job:
    cargo = find_cargo()
    if not given.has("Cargo.toml"):
        only = next((name for name in given.files if name.endswith(".rs")), "src/lib.rs")
        given.files["Cargo.toml"] = (
            f'[package]\nname = "sample"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "{only}"\n'
        )
    path = f"{Path(cargo.program).parent}:/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, "CARGO_HOME": "{work}/.cargo", "CARGO_NET_OFFLINE": "true"}
    report = ".libtest"
    command = (
        cargo.program,
        "test",
        "--offline",
        "--quiet",
        "--lib",
        "--",
        "--logfile",
        f"{{work}}/{report}",
    )
    build = (cargo.program, "test", "--offline", "--quiet", "--lib", "--no-run")
    job = _roomy(given.files, (build, command), cargo.readable, _COMPILED, environment)
    return _reporting(job, "libtest", report)


def _script(given: _Given) -> Job:
    node = find_tool("node", "Node")
    if given.has("package.json"):
        npm = find_tool("npm", "npm")
        linked = {}
        if given.project is not None and (given.project / "node_modules").is_dir():
            linked = {"node_modules": given.project / "node_modules"}
        readable = (*node.readable, *npm.readable, *linked.values())
        path = f"{Path(node.program).parent}:/usr/local/bin:/usr/bin:/bin"
        environment = {"CI": "true", "PATH": path}
        job = _roomy(given.files, ((npm.program, "test", "--offline"),), readable, _COMPILED, environment)
        return replace(job, linked=linked)
    report = ".results.xml"
    options = ("--test", "--test-reporter=junit", f"--test-reporter-destination={{work}}/{report}")
    also = ("--test-reporter=spec", "--test-reporter-destination=stdout")
    command = (node.program, *options, *also, *given.targets)
    return _reporting(_roomy(given.files, (command,), node.readable, 1.0), "junit", report)


def _cpp(given: _Given) -> Job:
    cmake, ctest = find_tool("cmake", "CMake"), find_tool("ctest", "CTest")
    if not given.has("CMakeLists.txt"):
        tests = [name for name in given.files if re.search(r"test", Path(name).stem, re.IGNORECASE)]
        rows = [
            f"add_executable(t{i} {name})\nadd_test(NAME {Path(name).stem} COMMAND t{i})"
            for i, name in enumerate(tests)
        ]
        given.files["CMakeLists.txt"] = "\n".join(
            ["cmake_minimum_required(VERSION 3.16)", "project(sample C CXX)", "enable_testing()", *rows, ""]
        )
    report = ".results.xml"
    commands = (
        (cmake.program, "-S", ".", "-B", "build"),
        (cmake.program, "--build", "build"),
        (ctest.program, "--test-dir", "build", "--output-on-failure", "--output-junit", f"{{work}}/{report}"),
    )
    job = _roomy(given.files, commands, (*cmake.readable, *ctest.readable), _COMPILED)
    return _reporting(job, "junit", report)


def _reporting(job: Job, reader: Reader, report: str) -> Job:
    return replace(job, reader=reader, report=report)


_TESTS: Mapping[str, Callable[[_Given], Job]] = {
    "python": _python,
    "go": _go,
    "cargo": _rust,
    "node": _script,
    "maven": lambda given: maven_job(given.files),
    "cmake": _cpp,
}
"""By toolchain, as the table of languages names it."""
