"""Walking a workspace: what is passed over, and where a walk ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from qwen_lsp.code.workspace.ignore import IgnoreRules
from qwen_lsp.code.workspace.secrets import holds_key, is_secret
from qwen_lsp.code.workspace.walk import WalkLimits, walk

SECRET = [
    ".env",
    ".env.local",
    ".env.production",
    "prod.env",
    ".envrc",
    "id_rsa",
    "id_ed25519",
    "id_ed25519.pub",
    "server.pem",
    "tls.key",
    "a.p12",
    ".netrc",
    ".npmrc",
    ".pypirc",
    "credentials",
    "credentials.json",
    "aws_credentials.yaml",
    "secrets.yaml",
    "client_secret_1.json",
    ".htpasswd",
    "terraform.tfstate",
    "prod.tfvars",
    "kubeconfig",
    "service-account.json",
    ".git-credentials",
    "keystore.jks",
    ".bash_history",
]
PLAIN = [
    "main.py",
    "environment.py",
    "keyboard.py",
    "identity.py",
    "id.py",
    "secrets.py",
    "token.py",
    "monkey.ts",
    "passwords.go",
    "index.js",
    "credential_store.rs",
    "README.md",
    "key.c",
    "envelope.java",
    "tokenizer.json",
]


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret(Path("/work") / name)


@pytest.mark.parametrize("name", PLAIN)
def test_source_files_are_no_secrets(name: str) -> None:
    assert not is_secret(Path("/work") / name)


def test_a_private_key_is_known_by_its_first_line() -> None:
    assert holds_key(b"x\n-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert not holds_key(b"-----BEGIN CERTIFICATE-----\n")


def make(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("x = 1\n", "utf-8")


def names(root: Path, limits: WalkLimits | None = None) -> list[str]:
    rules = IgnoreRules([root])
    return [path.relative_to(root).as_posix() for path in walk([root], rules.is_private, limits)]


def test_git_agrees_on_what_is_ignored(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    files = [
        "a.py",
        "build/b.py",
        "src/c.py",
        "src/gen/d.py",
        "src/gen/keep.py",
        "doc/build/e.py",
        "x/y/f_test.py",
    ]
    make(tmp_path, *files)
    (tmp_path / ".gitignore").write_text("/build/\n*_test.py\n", "utf-8")
    (tmp_path / "src" / ".gitignore").write_text("gen/*\n!gen/keep.py\n", "utf-8")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-co", "--exclude-standard", "*.py"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sorted(names(tmp_path)) == sorted(listed.stdout.split())


def test_a_deeper_rule_and_a_later_file_win(tmp_path: Path) -> None:
    make(tmp_path, "a/x.py", "a/y.py", "b/x.py")
    (tmp_path / ".gitignore").write_text("x.py\n", "utf-8")
    (tmp_path / "a" / ".gitignore").write_text("!x.py\n", "utf-8")
    (tmp_path / "a" / ".qwenignore").write_text("y.py\n", "utf-8")
    assert names(tmp_path) == ["a/x.py"]


def test_rules_of_the_checkout_above_the_workspace_hold(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("hidden.py\n", "utf-8")
    make(tmp_path / "sub", "hidden.py", "shown.py")
    assert names(tmp_path / "sub") == ["shown.py"]


def test_rules_are_read_again_when_told(tmp_path: Path) -> None:
    make(tmp_path, "a.py")
    rules = IgnoreRules([tmp_path])
    assert not rules.is_private(tmp_path / "a.py")
    (tmp_path / ".gitignore").write_text("a.py\n", "utf-8")
    rules.forget()
    assert rules.is_private(tmp_path / "a.py")


def test_folders_of_tools_and_links_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "node_modules/b.js", ".venv/c.py", ".git/d.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "e.py").symlink_to(tmp_path / "a.py")
    assert names(tmp_path) == ["a.py"]


def test_a_walk_ends_at_its_limits(tmp_path: Path) -> None:
    make(tmp_path, *(f"d{n}/f{m}.py" for n in range(5) for m in range(5)))
    (tmp_path / "big.py").write_text("x" * 2000, "utf-8")
    assert len(names(tmp_path, WalkLimits(max_files=7))) == 7
    assert len(names(tmp_path, WalkLimits(max_entries=10))) < 10
    assert "big.py" not in names(tmp_path, WalkLimits(max_file_bytes=1000))


def test_a_walk_pauses_between_batches_and_stops_when_told(tmp_path: Path) -> None:
    make(tmp_path, *(f"f{n}.py" for n in range(200)))
    rules, pauses = IgnoreRules([tmp_path]), []
    found = list(walk([tmp_path], rules.is_private, pause=lambda: pauses.append(1)))
    assert (len(found), len(pauses)) == (200, 3)
    assert list(walk([tmp_path], rules.is_private, stop=lambda: True)) == []
