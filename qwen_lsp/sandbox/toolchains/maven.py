"""JUnit through Maven, offline: with what is in the local repository and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from qwen_lsp.errors import SandboxUnavailable
from qwen_lsp.sandbox.job import Job
from qwen_lsp.sandbox.toolchains.find import find_tool

Whole = Callable[[str], bool]

_ONCE = "Run `mvn test` once, online, in a project with JUnit 5."
_DEBIANS = Path("/usr/share/maven-repo")
"""What Debian's own packages of Java libraries bring."""
_JUPITER = ("junit-jupiter", "junit-jupiter-api", "junit-jupiter-engine", "junit-jupiter-params")
_PLATFORM = ("junit-platform-commons", "junit-platform-engine", "junit-platform-launcher")
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sample</groupId><artifactId>sample</artifactId><version>0</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies><dependency>
    <groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>{junit}</version>
    <scope>test</scope>
  </dependency></dependencies>
  <build><plugins>
    <plugin><artifactId>maven-resources-plugin</artifactId><version>{resources}</version></plugin>
    <plugin><artifactId>maven-compiler-plugin</artifactId><version>{compiler}</version></plugin>
    <plugin><artifactId>maven-surefire-plugin</artifactId><version>{surefire}</version></plugin>
  </plugins></build>
</project>
"""


def maven_job(files: Mapping[str, str | bytes], repository: Path | None = None) -> Job:
    """The job that runs JUnit tests; files without a pom.xml are put into Maven's layout, with a pom of ours."""
    maven, java = find_tool("mvn", "Maven"), find_tool("java", "Java")
    repository = repository or _repository()
    laid = dict(files)
    if "pom.xml" not in files:
        laid = {_place(name): text for name, text in files.items()}
        laid["pom.xml"] = _POM.format(junit=_junit(repository), **_plugins(repository))
    options = (f"-Dmaven.repo.local={repository}", "-Duser.home={work}/.home", "-Djava.io.tmpdir={work}/.tmp")
    return Job(
        laid,
        ((maven.program, "--offline", "--quiet", "--batch-mode", "-llr", *options, "test"),),
        "junit",
        "target/surefire-reports/TEST-*.xml",
        (*maven.readable, *java.readable, repository),
        environment={"JAVA_TOOL_OPTIONS": "-XX:-UsePerfData -Xmx512m"},
        limits_address_space=False,
        processes=512,
        patience=6.0,
    )


def _repository() -> Path:
    for folder in (Path.home() / ".m2" / "repository", _DEBIANS):
        if folder.is_dir():
            return folder
    raise SandboxUnavailable(f"Maven has no local repository yet. {_ONCE}")


def _place(name: str) -> str:
    return f"src/test/java/{name}" if re.search(r"Tests?\.java$", name) else f"src/main/java/{name}"


def _junit(repository: Path) -> str:
    """The newest JUnit 5 or later that is there as a whole."""
    groups = repository / "org" / "junit"

    def is_whole(version: str) -> bool:
        platform = re.sub(r"^5\.", "1.", version)
        needed = [(groups / "jupiter" / name, version) for name in _JUPITER]
        needed += [(groups / "platform" / name, platform) for name in _PLATFORM]
        return all((folder / at / f"{folder.name}-{at}.jar").exists() for folder, at in needed)

    return _newest(groups / "jupiter" / "junit-jupiter", is_whole, "JUnit 5")


def _plugins(repository: Path) -> dict[str, str]:
    """The newest versions that are there of the plugins a test run needs; Maven's own defaults are too old."""
    apache = repository / "org" / "apache" / "maven"

    def newest(name: str) -> str:
        folder = apache / "plugins" / f"maven-{name}-plugin"

        def is_whole(version: str) -> bool:
            provider = apache / "surefire" / "surefire-junit-platform" / version
            jar = folder / version / f"{folder.name}-{version}.jar"
            return jar.exists() and (name != "surefire" or any(provider.glob("*.jar")))

        return _newest(folder, is_whole, f"The {name} plugin")

    return {name: newest(name) for name in ("resources", "compiler", "surefire")}


def _newest(folder: Path, is_whole: Whole, title: str) -> str:
    versions = [child.name for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else []
    whole = [version for version in versions if is_whole(version)]
    if not whole:
        raise SandboxUnavailable(f"{title} is not in Maven's local repository. {_ONCE}")
    return max(whole, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])
