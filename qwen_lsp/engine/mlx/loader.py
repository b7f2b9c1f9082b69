"""From a folder to a loaded model: local files only, every failure a sentence. Runs in the worker thread."""

from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_lsp.engine.mlx.memory_guard import refuse_if_too_big
from qwen_lsp.engine.mlx.model_shape import shape_of
from qwen_lsp.engine.request import ModelShape
from qwen_lsp.engine.special_tokens import QWEN_FIM, STARTER_MARK
from qwen_lsp.errors import EngineMissing, ModelNotFound, NotEnoughMemory

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "tiktoken.model")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory. The arrays belong to the thread that loaded them."""

    folder: Path
    model: Any
    tokenizer: Any
    config: dict[str, Any]
    shape: ModelShape
    fim: str | None
    is_starter: bool


def load(folder: Path) -> LoadedModel:
    """Load the model in `folder`. Raises ModelNotFound, EngineMissing or NotEnoughMemory."""
    config = _read_config(folder)
    weights = _weight_files(folder)
    _require_tokenizer(folder)
    refuse_if_too_big(sum(f.stat().st_size for f in weights))
    mlx_load = _import_mlx_lm()
    try:
        model, tokenizer = mlx_load(str(folder), tokenizer_config={"local_files_only": True})
    except MemoryError as error:
        raise NotEnoughMemory(f"Loading {folder.name} ran out of memory.") from error
    except Exception as error:
        raise _explained(error, folder, config) from error
    _widen_on_cpu(model)
    return LoadedModel(
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        config=config,
        shape=shape_of(model, config, weights),
        fim="qwen" if _has_fim_tokens(tokenizer) else None,
        is_starter=bool(config.get(STARTER_MARK)),
    )


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ModelNotFound(
            f"There is no model folder at {folder}. Give a folder that holds config.json and *.safetensors."
        )
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ModelNotFound(
            f"{folder} is not a model folder: it has no config.json. "
            "Choose the folder that holds config.json and *.safetensors."
        ) from None
    except (OSError, ValueError) as error:
        raise ModelNotFound(
            f"config.json in {folder} cannot be read ({error}). Download the model again, "
            "or restore that file."
        ) from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelNotFound(
            f"config.json in {folder} does not name a model_type. Download the model again, "
            "or restore that file."
        )
    return config


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ModelNotFound(
                f"{index.name} in {folder} cannot be read ({error}). Download the model again."
            ) from error
        missing = sorted(n for n in names if not (folder / n).is_file())
        if missing:
            raise ModelNotFound(
                f"{folder} lacks weight files: {', '.join(missing[:3])}"
                f"{' and more' if len(missing) > 3 else ''}. The download is not complete: run it again."
            )
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise ModelNotFound(
            f"{folder} has no weights (model*.safetensors). An MLX model keeps them beside config.json; "
            "download the model again."
        )
    return files


def _require_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelNotFound(
            f"{folder} has no tokenizer (tokenizer.json). Download the model again, or copy that file into it."
        )


def _import_mlx_lm() -> Any:
    try:
        with _open_files_limit_kept():
            from mlx_lm.utils import load as mlx_load
    except ImportError as error:
        raise EngineMissing(
            f"MLX is not installed or does not start here ({error}). On a Mac: pip install mlx mlx-lm. "
            "On Linux: pip install 'mlx[cpu]' mlx-lm. Without it, choose engine.kind = remote or demo."
        ) from error
    return mlx_load


@contextlib.contextmanager
def _open_files_limit_kept() -> Iterator[None]:
    """mlx_lm.utils lowers the process's limit of open files when imported; a server needs its own."""
    real = resource.setrlimit

    def keep_open_files(which: int, limits: tuple[int, int]) -> None:
        if which != resource.RLIMIT_NOFILE:
            real(which, limits)

    resource.setrlimit = keep_open_files
    try:
        yield
    finally:
        resource.setrlimit = real


def _widen_on_cpu(model: Any) -> None:
    """MLX computes in half precision several times slower than in float32 where there is no GPU."""
    import mlx.core as mx

    if mx.default_device().type == mx.DeviceType.cpu:
        model.set_dtype(mx.float32)
        mx.eval(model.parameters())


def _explained(error: Exception, folder: Path, config: dict[str, Any]) -> Exception:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if "not supported" in text and "odel type" in text:
        return ModelNotFound(
            f"mlx-lm cannot run models of type {config['model_type']!r} ({folder.name}). "
            "Choose another model, or update mlx-lm."
        )
    return ModelNotFound(
        f"The model in {folder} does not load: {text}. Its files do not fit together; download it again."
    )


def _has_fim_tokens(tokenizer: Any) -> bool:
    """Whether each marker is one token of its own."""
    vocabulary = tokenizer.get_vocab()
    return all(token in vocabulary for token in QWEN_FIM)
