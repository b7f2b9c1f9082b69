"""Command lines, profiles and jobs are right before anything runs; other languages' tests run where they can."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from qwen_lsp.errors import SandboxUnavailable
from qwen_lsp.sandbox import Job, how_contained, job_for_tests, run_contained
from qwen_lsp.sandbox.containment import bubblewrap, detect, seatbelt
from qwen_lsp.sandbox.job import RunLimits
from qwen_lsp.settings import SandboxSettings

JOB = Job({"a.py": "x"}, (("{python}", "a.py"),))
LIMITS = RunLimits.of(SandboxSettings(), JOB)
ROOT = SandboxSettings(allow_root=True)


def line(*readable: str, knows: frozenset[str] = frozenset({"--size", "--disable-userns"})) -> list[str]:
    return bubblewrap.command_line(
        "bwrap", JOB, LIMITS, given=Path("/g"), inside=Path("/i"), python=Path("/p"),
        readable=[Path(path) for path in readable], knows=knows, as_root=False,
    )  # fmt: skip


def test_bubblewrap_shares_nothing_and_ends_read_only() -> None:
    words = line("/opt/tool")
    for word in ("--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--disable-userns"):
        assert word in words
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert words[words.index("--") - 2 : words.index("--")] == ["--remount-ro", "/"]
    assert not [word for word in words if word in {"--bind", "--dev-bind", "--share-net"}]
    assert "/opt/tool" in words


def test_an_older_bubblewrap_gets_only_what_it_knows() -> None:
    words = line(knows=frozenset())
    assert "--size" not in words
    assert "--disable-userns" not in words


def test_folders_inside_one_another_are_bound_once() -> None:
    words = line("/opt/tool", "/opt/tool/lib", "/usr/lib/x")
    assert [word for word in words if word.startswith(("/opt", "/usr/lib"))] == ["/opt/tool", "/opt/tool"]


def test_the_macos_profile_closes_home_network_and_writing() -> None:
    text = seatbelt.profile(Path('/tmp/w"x'), Path("/Users/me"), [Path("/Users/me/.pyenv")])
    rules = text.splitlines()
    assert rules.index("(deny file-write*)") < next(
        i for i, rule in enumerate(rules) if "allow file-write*" in rule
    )
    assert "(deny network*)" in rules
    assert '(deny file-read* (subpath "/Users/me"))' in rules
    assert '(subpath "/tmp/w\\"x")' in text
    assert text.index("deny file-read*") < text.index('(subpath "/Users/me/.pyenv")')


def test_root_is_refused_without_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SandboxUnavailable, match=r"sandbox\.allow_root"):
        how_contained(SandboxSettings())


def test_switched_off_is_off() -> None:
    with pytest.raises(SandboxUnavailable, match="switched off"):
        asyncio.run(run_contained(JOB, SandboxSettings(enabled=False)))


def test_a_containment_that_does_not_work_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    detect.find_containment.cache_clear()
    try:
        with pytest.raises(SandboxUnavailable, match="setting up uid map"):
            detect.find_containment()
    finally:
        detect.find_containment.cache_clear()


@pytest.mark.parametrize("name", ["../out.py", "/etc/passwd", "a/../../b"])
async def test_file_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(SandboxUnavailable, match="leads out"):
        await run_contained(Job({name: "x"}, (("{python}", "x"),)), ROOT)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - other processes come and go, and say nothing
            await asyncio.sleep(0.01)


def runs_left() -> list[psutil.Process]:
    """Processes of runs of ours, also those whose parent is gone: their command line holds our mark."""
    mine = f"qwen-lsp-test-{os.getpid()}"
    return [p for p in psutil.process_iter(["cmdline"]) if mine in " ".join(p.info["cmdline"] or [])]


@pytest.mark.process
@pytest.mark.parametrize("moment", [0, 1, 2, 5, 10, 20, 50, 100, 200])
async def test_cancelling_a_run_at_any_moment_leaves_nothing(moment: int) -> None:
    job = Job(
        {"a.py": "while True: pass"},
        (("{python}", "a.py"),),
        environment={"MARK": f"qwen-lsp-test-{os.getpid()}"},
    )
    running = asyncio.create_task(run_contained(job, ROOT))
    if moment:
        await asyncio.sleep(moment / 1000)
    else:
        await until(lambda: bool(runs_left()))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 20)
    await until(lambda: not runs_left())


RIGHT = {
    "javascript": {
        "fib.js": "exports.fib = n => n < 2 ? n : exports.fib(n - 1) + exports.fib(n - 2)\n",
        "fib.test.js": "const t = require('node:test'), a = require('node:assert')\nt('five', () => a.equal(require('./fib.js').fib(5), 5))\n",
    },
    "rust": {"lib.rs": "pub fn five() -> u8 { 5 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn five() { assert_eq!(super::five(), 5); }\n}\n"},
    "cpp": {"five.hpp": "inline int five() { return 5; }\n", "five_test.cpp": '#include "five.hpp"\nint main() { return five() == 5 ? 0 : 1; }\n'},
    "go": {"five.go": "package sample\n\nfunc Five() int { return 5 }\n", "five_test.go": 'package sample\n\nimport "testing"\n\nfunc TestFive(t *testing.T) {\n\tif Five() != 5 {\n\t\tt.Fatal("no")\n\t}\n}\n'},
    "java": {
        "Five.java": "class Five { static int five() { return 5; } }\n",
        "FiveTest.java": "import org.junit.jupiter.api.Assertions;\nimport org.junit.jupiter.api.Test;\nclass FiveTest {\n    @Test void five() { Assertions.assertEquals(5, Five.five()); }\n}\n",
    },
}  # fmt: skip
TOOLS = {"javascript": "node", "rust": "cargo", "cpp": "ctest", "go": "go"}
WRONG = {
    "javascript": ("n < 2 ? n", "n < 2 ? 7"),
    "rust": ("{ 5 }", "{ 6 }"),
    "cpp": ("return 5", "return 6"),
    "go": ("return 5", "return 6"),
    "java": ("return 5", "return 6"),
}


@pytest.mark.process
@pytest.mark.parametrize("language", TOOLS)
async def test_other_languages_are_tested_where_their_tools_are(language: str) -> None:
    if shutil.which(TOOLS[language]) is None:
        with pytest.raises(SandboxUnavailable, match="not installed"):
            job_for_tests(language, RIGHT[language])
        return
    await tell_right_from_wrong(language)


@pytest.mark.process
@pytest.mark.heavy
@pytest.mark.parametrize("language", ["go", "java"])
async def test_go_and_junit_tell_right_from_wrong(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # Maven's own repository lies there, and may be half full
    await tell_right_from_wrong(language)


async def tell_right_from_wrong(language: str) -> None:
    files = RIGHT[language]
    right = await run_contained(job_for_tests(language, files), ROOT)
    assert right.passed, right
    old, new = WRONG[language]
    broken = {name: text.replace(old, new) for name, text in files.items()}
    wrong = await run_contained(job_for_tests(language, broken), ROOT)
    assert wrong.outcome == "failed", wrong


def test_go_files_without_a_test_are_no_success() -> None:
    with pytest.raises(SandboxUnavailable, match=r"_test\.go|not installed"):
        job_for_tests("go", {"five.go": RIGHT["go"]["five.go"]})


@pytest.mark.process
async def test_npm_runs_the_projects_own_script() -> None:
    if shutil.which("npm") is None:
        with pytest.raises(SandboxUnavailable, match="not installed"):
            job_for_tests("javascript", {"package.json": "{}"})
        return
    files = {"package.json": '{"scripts": {"test": "node check.js"}}', "check.js": "process.exit(0)"}
    assert (await run_contained(job_for_tests("javascript", files), ROOT)).passed
    files["check.js"] = "process.exit(3)"
    assert (await run_contained(job_for_tests("javascript", files), ROOT)).outcome == "failed"


def test_maven_is_laid_out_with_the_newest_whole_junit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mvn", "java"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    repository = tmp_path / "repository"
    for group, version in (("5.9.1", "1.9.1"), ("5.10.2", "1.10.2")):
        for artifact in (
            "junit-jupiter",
            "junit-jupiter-api",
            "junit-jupiter-engine",
            "junit-jupiter-params",
        ):
            _jar(repository / "org/junit/jupiter" / artifact, group)
        for artifact in ("junit-platform-commons", "junit-platform-engine", "junit-platform-launcher"):
            _jar(repository / "org/junit/platform" / artifact, version)
    _jar(repository / "org/junit/jupiter/junit-jupiter", "6.1.0")  # without the rest
    for plugin in ("resources", "compiler", "surefire"):
        _jar(repository / f"org/apache/maven/plugins/maven-{plugin}-plugin", "3.5.0")
    _jar(repository / "org/apache/maven/surefire/surefire-junit-platform", "3.5.0")
    from qwen_lsp.sandbox.toolchains.maven import maven_job

    job = maven_job({"Five.java": "", "FiveTest.java": ""}, repository)
    assert sorted(job.files) == ["pom.xml", "src/main/java/Five.java", "src/test/java/FiveTest.java"]
    assert "<version>5.10.2</version>" in str(job.files["pom.xml"])
    assert "--offline" in job.commands[0]


def _jar(folder: Path, version: str) -> None:
    (folder / version).mkdir(parents=True)
    (folder / version / f"{folder.name}-{version}.jar").touch()


def test_a_python_without_the_framework_says_what_to_install(tmp_path: Path) -> None:
    from qwen_lsp.sandbox.toolchains.find import find_python

    with pytest.raises(SandboxUnavailable, match="pip install no_such_module"):
        find_python(tmp_path, "no_such_module")
