"""HTTP for the remote engine: one client, retries before the first byte, server-sent events, errors as ours."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from qwen_lsp.engine.wire import error_from_json
from qwen_lsp.errors import EngineUnavailable, GenerationFailed, SettingsError

if TYPE_CHECKING:
    import httpx

_RETRY_AFTER_S = (0.1, 0.4)
_CONNECT_S = 5.0
_SILENCE_S = 300.0
"""Longest silence of a server while it reads a prompt."""
_LONGEST_LINE_BYTES = 8_000_000


def base_url(url: str, *, allow_elsewhere: bool) -> str:
    """The server's address without a path of ours. Raises SettingsError for one that may not be used."""
    split = urlsplit(url if "//" in url else f"http://{url}")
    try:
        host, _ = split.hostname, split.port
    except ValueError as error:
        raise SettingsError(f"engine.url {url!r} is not an address: {error}.") from error
    if split.scheme not in ("http", "https") or not host:
        raise SettingsError(f"engine.url must be like http://127.0.0.1:8080, not {url!r}.")
    if split.username or split.password:
        raise SettingsError(
            "engine.url must not hold a password; name a variable with the key in engine.api_key_env."
        )
    if not is_here(host) and not allow_elsewhere:
        raise SettingsError(
            f"{host} is not this machine: your code would leave it. "
            "Set engine.allow_elsewhere to true if that is what you want."
        )
    path = split.path.rstrip("/").removesuffix("/v1")
    return urlunsplit((split.scheme, split.netloc, path, "", ""))


def is_here(host: str) -> bool:
    """Whether a host name is this machine by its very spelling."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Http:
    """A client of one server; made on first use, in the loop that uses it."""

    def __init__(self, base: str, *, key: str | None, silence_s: float = _SILENCE_S) -> None:
        self.base = base
        self.here = is_here(urlsplit(base).hostname or "")
        self._key = key
        self._silence_s = silence_s
        self._client: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        return f"Http({self.base!r})"  # never the key

    async def get(self, route: str, *, timeout_s: float = 2.0) -> tuple[int, Any]:
        """Status and JSON (or None) of a small answer. Raises EngineUnavailable when nobody answers."""
        import httpx

        try:
            answer = await self._open().get(self.base + route, timeout=timeout_s)
        except (httpx.HTTPError, OSError) as error:
            raise self.unreachable(error) from error
        return answer.status_code, _json_or_none(answer.text)

    async def post(self, route: str, body: dict[str, Any], *, timeout_s: float = 10.0) -> tuple[int, Any]:
        """The same for a small POST."""
        import httpx

        try:
            answer = await self._open().post(self.base + route, json=body, timeout=timeout_s)
        except (httpx.HTTPError, OSError) as error:
            raise self.unreachable(error) from error
        return answer.status_code, _json_or_none(answer.text)

    async def lines(self, route: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The JSON objects a server streams, as events or as lines. Closing it closes the connection."""
        import httpx

        response = await self._begin(route, body)
        try:
            if response.status_code != 200:
                text = (await response.aread()).decode("utf-8", "replace")
                raise error_from_json(response.status_code, _json_or_none(text) or text, self.base)
            async for line in _lines(response):
                found = _event(line)
                if found is not None:
                    yield found
        except (httpx.HTTPError, OSError) as error:
            raise GenerationFailed(
                f"{self.base} broke off in the middle of an answer ({_name(error)}). Ask again."
            ) from error
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def unreachable(self, error: BaseException) -> EngineUnavailable:
        """The error for a server that does not answer, or not as itself."""
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return EngineUnavailable(
                f"{self.base} shows a certificate that this machine does not trust ({error}). "
                "Is it your own authority's, name that authority's file in SSL_CERT_FILE."
            )
        return EngineUnavailable(
            f"{self.base} does not answer ({_name(error)}). Is the server running there?"
        )

    async def _begin(self, route: str, body: dict[str, Any]) -> httpx.Response:
        import httpx

        client = self._open()
        for wait_s in (*_RETRY_AFTER_S, None):
            request = client.build_request("POST", self.base + route, json=body)
            try:
                return await client.send(request, stream=True)
            except (
                httpx.ConnectError,
                httpx.ConnectTimeout,
                httpx.RemoteProtocolError,
                httpx.ReadError,
            ) as error:
                if wait_s is None:
                    raise self.unreachable(error) from error
                await asyncio.sleep(wait_s)
            except (httpx.HTTPError, OSError) as error:
                raise self.unreachable(error) from error
        raise AssertionError("the last round raises")

    def _open(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                timeout=httpx.Timeout(self._silence_s, connect=_CONNECT_S, pool=None),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=15),
                trust_env=not self.here,  # a proxy never sees what stays on this machine
                verify=_trusted() if self.base.startswith("https:") else True,
            )
        return self._client


def _trusted() -> ssl.SSLContext:
    """The authorities this machine trusts (SSL_CERT_FILE included), and those that come with httpx."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    """Lines by \\n alone (httpx also splits at U+2028, which may stand in JSON)."""
    held = b""
    async for piece in response.aiter_bytes():
        *whole, held = (held + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if len(held) > _LONGEST_LINE_BYTES:
            raise GenerationFailed("The server sent a line without an end; the answer was given up.")
    if held:
        yield held.decode("utf-8", "replace")


def _event(line: str) -> dict[str, Any] | None:
    """The object on a line: `data: {...}` or, from Ollama, `{...}`; None for comments, blanks and [DONE]."""
    data = line.removeprefix("data:").strip()
    if not data.startswith("{"):
        return None
    found = _json_or_none(data)
    if not isinstance(found, dict):
        raise GenerationFailed("The server streamed something that is not JSON; the answer was given up.")
    return found


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
