"""Kept prefixes on disk: exact length, keyed by model, quantisation and token ids. Worker thread only."""

from __future__ import annotations

import hashlib
import json
import logging
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache

from qwen_lsp.engine.prefix_cache.history import token_array
from qwen_lsp.paths import write_atomically

log = logging.getLogger(__name__)

_LAYOUT = "1"
_MOST_FILES = 16
_LEAST_TOKENS = 64
"""Shorter prefixes are read faster than loaded."""


def model_key(folder: Path, arithmetic: str) -> str:
    """What a model's KV depends on: its config (quantisation included), its weights, how it is computed."""
    import mlx_lm

    digest = hashlib.sha256(f"{_LAYOUT} {mlx_lm.__version__} {arithmetic} ".encode())
    digest.update((folder / "config.json").read_bytes())
    for file in sorted(folder.glob("model*.safetensors")):
        stat = file.stat()
        digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:24]


class KvFolder:
    """One folder per model; one file per history, beside it the list of its tokens."""

    def __init__(self, folder: Path, *, model_key: str) -> None:
        self._folder = folder / model_key

    def saved(self) -> list[tuple[Path, array[int]]]:
        """Saved histories, newest first; what cannot be read is removed."""
        if not self._folder.is_dir():
            return []
        found: list[tuple[Path, array[int]]] = []
        files = sorted(self._folder.glob("*.json"), key=lambda f: f.stat().st_mtime_ns, reverse=True)
        for listing in files:
            tokens = self._tokens(listing)
            file = listing.with_suffix(".safetensors")
            if tokens is None or not file.is_file() or len(found) >= _MOST_FILES:
                self.remove(file)
            else:
                found.append((file, tokens))
        return found

    def save(self, tokens: Sequence[int], caches: Sequence[Any]) -> Path | None:
        """Write a history, unless it is there already, too short, or of a kind that cannot be cut."""
        if len(tokens) < _LEAST_TOKENS or not all(type(c) is KVCache for c in caches):
            return None
        name = hashlib.sha256(token_array(tokens).tobytes()).hexdigest()[:32]
        file = self._folder / f"{name}.safetensors"
        if file.is_file():
            return file
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        arrays: dict[str, mx.array] = {}
        for layer, cache in enumerate(caches):
            # The buffer is longer than what is in it; only what is in it is worth writing.
            arrays[f"keys.{layer}"] = mx.contiguous(cache.keys[..., : len(tokens), :])
            arrays[f"values.{layer}"] = mx.contiguous(cache.values[..., : len(tokens), :])
        half = file.with_name(f"{name}.part.safetensors")
        mx.save_safetensors(str(half), arrays)
        half.replace(file)
        write_atomically(file.with_suffix(".json"), json.dumps({"tokens": list(tokens)}))
        return file

    def load(self, file: Path, length: int) -> list[Any] | None:
        """The caches of a saved history; None when the file is not as it was written."""
        try:
            arrays: Any = mx.load(str(file))
            caches: list[Any] = []
            for layer in range(len(arrays) // 2):
                cache = KVCache()
                cache.keys, cache.values = arrays[f"keys.{layer}"], arrays[f"values.{layer}"]
                cache.offset = length
                if cache.keys.shape[2] != length or cache.values.shape[2] != length:
                    raise ValueError("another length")
                caches.append(cache)
            mx.eval([c.state for c in caches])
        except Exception as error:
            log.warning("A saved prefix could not be loaded and was removed: %s", error)
            self.remove(file)
            return None
        return caches

    def remove(self, file: Path) -> None:
        """Forget a saved history."""
        file.unlink(missing_ok=True)
        file.with_suffix(".json").unlink(missing_ok=True)

    @staticmethod
    def _tokens(listing: Path) -> array[int] | None:
        try:
            return token_array(json.loads(listing.read_text("ascii"))["tokens"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
