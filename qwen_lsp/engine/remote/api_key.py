"""The key of a remote engine: from the environment, else from the system's keyring; never from a file of ours."""

from __future__ import annotations

import importlib
import logging
import os
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

SERVICE = "qwen-lsp"
"""Under this name it is looked for: keyring set qwen-lsp HOST"""


def api_key(variable: str, url: str) -> str | None:
    """The key for this server; None when there is none. The keyring is asked only where that library is installed."""
    if variable and os.environ.get(variable):
        return os.environ[variable]
    try:
        keyring = importlib.import_module("keyring")
        found = keyring.get_password(SERVICE, urlsplit(url).hostname or "")
    except ImportError:
        return None
    except Exception as error:  # a locked or missing keyring must not keep the engine from starting
        log.warning("The keyring cannot be read (%s); no key is sent", type(error).__name__)
        return None
    return str(found) if found else None
