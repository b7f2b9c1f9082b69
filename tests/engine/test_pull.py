"""Downloading, by the hubs' real clients, from hub-shaped servers on loopback."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from qwen_lsp.engine.models.local import choose_model, is_complete, model_name, pulled_folder
from qwen_lsp.errors import ModelNotFound

FILES = {
    "config.json": json.dumps({"model_type": "qwen3_moe"}).encode(),
    # Larger than the pieces of 10 MiB in which the client writes, or there would be nothing to go on from.
    "model.safetensors": bytes(range(256)) * 98_304,
    "README.md": b"# a model",
    "picture.png": b"not wanted",
}
NAME = "someone/tiny-mlx"
SHA = "c" * 40


class Hub(BaseHTTPRequestHandler):
    """Answers as the Hugging Face hub and as ModelScope do; breaks off once when told."""

    protocol_version = "HTTP/1.1"
    break_once: ClassVar[set[str]] = set()
    ranges: ClassVar[list[str]] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith(f"/api/models/{NAME}/tree/"):
            rows = [
                {"type": "file", "path": n, "oid": _sha(b)[:40], "size": len(b)} for n, b in FILES.items()
            ]
            return self._json(rows)
        if url.path.startswith(f"/api/models/{NAME}"):
            files = [{"rfilename": n, "size": len(b)} for n, b in FILES.items()]
            return self._json({"id": NAME, "modelId": NAME, "sha": SHA, "siblings": files, "private": False})
        if f"/{NAME}/resolve/" in url.path:
            return self._file(url.path.rsplit("/", 1)[1])
        if url.path.endswith("/repo/files"):
            rows = [{"Name": n, "Path": n, "Size": len(b), "Type": "blob", "Sha256": _sha(b), "Revision": SHA}
                    for n, b in FILES.items()]  # fmt: skip
            return self._json({"Code": 200, "Success": True, "Data": {"Files": rows}})
        if url.path.endswith("/revisions"):
            data = {"RevisionMap": {"Branches": [{"Revision": "master"}], "Tags": []}}
            return self._json({"Code": 200, "Success": True, "Data": data})
        if url.path.endswith("/repo"):
            return self._file(parse_qs(url.query)["FilePath"][0])
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def _json(self, value: object) -> None:
        self._send(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str) -> None:
        body = FILES[name]
        extra = {"ETag": f'"{_sha(body)}"', "X-Repo-Commit": SHA, "Accept-Ranges": "bytes"}
        asked = self.headers.get("Range")
        if asked and self.command == "GET":
            type(self).ranges.append(asked)
            first = int(asked.removeprefix("bytes=").split("-")[0])
            extra["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            return self._send(body[first:], extra, status=206)
        if name in self.break_once and self.command == "GET":
            self.break_once.discard(name)
            return self._send(body, extra, cut=len(body) // 2)
        return self._send(body, extra)

    def _send(self, body: bytes, extra: dict[str, str], *, status: int = 200, cut: int | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **extra}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True


def _sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Hub.break_once, Hub.ranges = set(), []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def run_pull(home: Path, hub: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`qwen-lsp pull` as the user types it, with the hubs' addresses moved to loopback."""
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(home), "QWEN_LSP_HOME": str(home / "q"), "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": f"http://{hub}", "MODELSCOPE_DOMAIN": hub, "MODELSCOPE_ENDPOINT": f"http://{hub}",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "qwen_lsp", "pull", *arguments],
        env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_a_pulled_model_is_whole_and_found_afterwards(
    tmp_path: Path, hub: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_pull(tmp_path, hub, NAME, "--from", source, "--yes")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    assert is_complete(folder)
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert not (folder / "picture.png").exists()
    again = run_pull(tmp_path, hub, NAME, "--from", source, "--yes")
    assert again.returncode == 0, again.stderr
    assert "already here" in again.stderr
    if source == "modelscope":
        monkeypatch.setenv("QWEN_LSP_HOME", str(tmp_path / "q"))
        assert choose_model(NAME).folder == folder


@pytest.mark.process
def test_the_size_is_shown_and_nothing_is_downloaded_without_a_yes(tmp_path: Path, hub: str) -> None:
    asked = run_pull(tmp_path, hub, NAME)
    assert asked.returncode == 1
    assert "24.0 MiB" in asked.stderr
    assert not list((tmp_path / "hf").rglob("model.safetensors"))


@pytest.mark.process
def test_a_broken_off_download_goes_on_where_it_stopped(tmp_path: Path, hub: str) -> None:
    Hub.break_once = {"model.safetensors"}
    first = run_pull(tmp_path, hub, NAME, "--yes")
    if first.returncode:
        first = run_pull(tmp_path, hub, NAME, "--yes")
    assert first.returncode == 0, first.stderr
    assert Hub.ranges, "the client asked for the rest only"
    assert all(not r.startswith("bytes=0-") for r in Hub.ranges)


@pytest.mark.process
def test_an_unknown_name_and_a_dead_hub_are_explained(tmp_path: Path, hub: str) -> None:
    unknown = run_pull(tmp_path, hub, "someone/else", "--yes")
    assert unknown.returncode == 1
    assert "no model named someone/else" in unknown.stderr
    dead = run_pull(tmp_path, "127.0.0.1:9", NAME, "--yes")
    assert dead.returncode == 1
    assert "Check the network" in dead.stderr
    assert "Traceback" not in unknown.stderr + dead.stderr


def test_a_named_model_that_is_not_here_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN_LSP_HOME", str(tmp_path))
    with pytest.raises(ModelNotFound, match="qwen-lsp pull someone/else"):
        choose_model("someone/else")
    with pytest.raises(ModelNotFound, match="no model folder"):
        choose_model(str(tmp_path / "nowhere"))
    assert choose_model("starter").is_starter


def test_a_model_is_called_by_its_hub_name(tmp_path: Path) -> None:
    cached = tmp_path / "hub" / "models--someone--tiny-mlx" / "snapshots" / SHA
    assert model_name(cached) == NAME
    assert model_name(pulled_folder(NAME)) == NAME
    assert model_name(tmp_path / "mine") == "mine"
