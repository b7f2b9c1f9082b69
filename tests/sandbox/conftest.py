"""One ordinary user for all sandbox tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.sandbox.ordinary_user import OrdinaryUser, ordinary_user


@pytest.fixture(scope="session")
def user() -> Iterator[OrdinaryUser]:
    """A user without rights, with a home folder that has a secret in it (pytest's own folders are root's alone)."""
    with TemporaryDirectory(prefix="ordinary-user-") as folder:
        made = ordinary_user(Path(folder))
        (made.home / ".ssh").mkdir()
        (made.home / ".ssh" / "id_rsa").write_text("the planted secret")
        yield made
