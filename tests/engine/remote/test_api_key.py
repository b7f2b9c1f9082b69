"""Where a remote engine's key comes from. The keyring here is a double: the library is optional."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Callable

import pytest

from qwen_lsp.engine.remote.api_key import api_key

URL = "https://models.example:8443/v1"
PutKeyring = Callable[[Callable[[str, str], str | None]], None]


@pytest.fixture
def put_keyring(monkeypatch: pytest.MonkeyPatch) -> PutKeyring:
    def put(get_password: Callable[[str, str], str | None]) -> None:
        module = types.ModuleType("keyring")
        module.get_password = get_password  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keyring", module)

    return put


def test_the_environment_comes_first(put_keyring: PutKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    put_keyring(lambda service, name: "from the keyring")
    monkeypatch.setenv("THE_KEY", "from the environment")
    assert api_key("THE_KEY", URL) == "from the environment"


def test_the_keyring_is_asked_by_the_servers_name(put_keyring: PutKeyring) -> None:
    kept = {("qwen-lsp", "models.example"): "secret"}
    put_keyring(lambda service, name: kept.get((service, name)))
    assert api_key("NO_SUCH_VARIABLE", URL) == "secret"
    assert api_key("", "https://other.example") is None


def test_without_the_library_there_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert api_key("", URL) is None


def test_a_locked_keyring_is_told_without_what_it_said(
    put_keyring: PutKeyring, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(service: str, name: str) -> str | None:
        raise RuntimeError("secret words")

    put_keyring(locked)
    with caplog.at_level(logging.WARNING):
        assert api_key("", URL) is None
    assert "RuntimeError" in caplog.text
    assert "secret words" not in caplog.text
