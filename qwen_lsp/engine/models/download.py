"""`qwen-lsp pull`: the only thing here that downloads, and only when typed. Uses the hubs' own clients."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import psutil

from qwen_lsp.engine.models.local import is_complete, pulled_folder
from qwen_lsp.errors import EngineMissing, ModelNotFound, NotEnoughMemory
from qwen_lsp.sizes import size_in_words

Hub = Literal["huggingface", "modelscope"]
# What an MLX model needs; leaves out pictures and weights in other formats.
_WANTED = (
    "*.json",
    "*.safetensors",
    "*.jinja",
    "*.txt",
    "*.model",
    "*.tiktoken",
    "*.py",
    "LICENSE*",
    "README*",
)
_GIB = 1024**3
# Beside the weights: KV cache, buffers and the rest of the machine; below this share of memory macOS still breathes.
_MOST_OF_MEMORY = 0.75
_DISK_RESERVE_BYTES = 2 * _GIB


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What a download would bring, before anything is brought."""

    name: str
    hub: Hub
    total_bytes: int
    missing_bytes: int
    folder: Path
    free_disk_bytes: int
    memory_bytes: int

    def sentence(self) -> str:
        """Size and room in words."""
        have = self.total_bytes - self.missing_bytes
        already = f" ({size_in_words(have)} of it already here)" if have else ""
        return (
            f"{self.name} from {self.hub}: {size_in_words(self.total_bytes)}{already}, into {self.folder}. "
            f"Free disk {size_in_words(self.free_disk_bytes)}, memory {size_in_words(self.memory_bytes)}."
        )


class _Client(Protocol):
    def plan(self, name: str) -> tuple[int, int, Path]: ...
    def download(self, name: str) -> Path: ...


def plan_pull(name: str, hub: Hub = "huggingface") -> PullPlan:
    """Ask the hub for the size. Raises ModelNotFound when it does not know the name or cannot be reached."""
    total, missing, folder = _client(hub).plan(name)
    return PullPlan(
        name, hub, total, missing, folder,
        shutil.disk_usage(_existing(folder)).free, psutil.virtual_memory().total,
    )  # fmt: skip


def check_room(plan: PullPlan) -> None:
    """Raises NotEnoughMemory, with the numbers, when disk or memory would not do."""
    if plan.missing_bytes + _DISK_RESERVE_BYTES > plan.free_disk_bytes:
        raise NotEnoughMemory(
            f"{plan.name} needs {size_in_words(plan.missing_bytes)} of disk and {size_in_words(_DISK_RESERVE_BYTES)} to spare, but "
            f"{size_in_words(plan.free_disk_bytes)} are free. Make room, or move the cache with HF_HOME."
        )
    if plan.total_bytes > plan.memory_bytes * _MOST_OF_MEMORY:
        raise NotEnoughMemory(
            f"{plan.name} needs {size_in_words(plan.total_bytes)} of memory for its weights alone, and this machine has "
            f"{size_in_words(plan.memory_bytes)}: it would swap. Choose a smaller model, or add --force to download anyway."
        )


def pull(plan: PullPlan) -> Path:
    """Download, showing progress on stderr; a broken-off download goes on where it stopped."""
    folder = _client(plan.hub).download(plan.name)
    if not is_complete(folder):
        raise ModelNotFound(
            f"{plan.name} was downloaded to {folder}, but it holds no complete MLX weights (config.json and "
            "*.safetensors). Is it an MLX model? Names at mlx-community and lmstudio-community usually are."
        )
    return folder


def _client(hub: Hub) -> _Client:
    return _HuggingFace() if hub == "huggingface" else _ModelScope()


class _HuggingFace:
    """The Hugging Face hub by huggingface_hub; HF_ENDPOINT and HF_HOME hold."""

    def plan(self, name: str) -> tuple[int, int, Path]:
        from huggingface_hub import snapshot_download

        with _readable_errors(name, "Hugging Face"):
            files = snapshot_download(name, allow_patterns=list(_WANTED), dry_run=True)
        if isinstance(files, str) or not files:
            raise ModelNotFound(f"{name} has no model files on Hugging Face.")
        total = sum(f.file_size or 0 for f in files)
        missing = sum(f.file_size or 0 for f in files if f.will_download)
        return total, missing, Path(files[0].local_path).parent

    def download(self, name: str) -> Path:
        from huggingface_hub import snapshot_download

        with _readable_errors(name, "Hugging Face"):
            return Path(str(snapshot_download(name, allow_patterns=list(_WANTED))))


class _ModelScope:
    """The ModelScope hub by its own client (extra `modelscope`); MODELSCOPE_DOMAIN holds."""

    def plan(self, name: str) -> tuple[int, int, Path]:
        hub_api = _modelscope_api()
        folder = pulled_folder(name)
        with _readable_errors(name, "ModelScope"):
            files = hub_api().get_model_files(name, recursive=True)
        wanted = [f for f in files if f["Size"] and any(Path(f["Path"]).match(w) for w in _WANTED)]
        total = sum(int(f["Size"]) for f in wanted)
        here = sum(int(f["Size"]) for f in wanted if _has_size(folder / f["Path"], int(f["Size"])))
        return total, total - here, folder

    def download(self, name: str) -> Path:
        _modelscope_api()
        from modelscope.hub.snapshot_download import snapshot_download

        with _readable_errors(name, "ModelScope"):
            return Path(
                snapshot_download(name, local_dir=str(pulled_folder(name)), allow_patterns=list(_WANTED))
            )


def _modelscope_api() -> Callable[[], Any]:
    try:
        from modelscope.hub.api import HubApi
    except ImportError as error:
        raise EngineMissing(
            "Downloading from ModelScope needs its client. Install it with: pip install 'qwen-lsp[modelscope]'"
        ) from error
    return HubApi  # type: ignore[no-any-return]


class _readable_errors:
    """Maps what the hub clients raise to one sentence."""

    def __init__(self, name: str, hub: str) -> None:
        self._name, self._hub = name, hub

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, ModelNotFound):
            return
        first_line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        if any("RepositoryNotFound" in type(e).__name__ or "404" in str(e) for e in _causes(error)):
            raise ModelNotFound(
                f"{self._hub} has no model named {self._name} (or it is private). Check the spelling."
            ) from error
        raise ModelNotFound(
            f"{self._name} could not be had from {self._hub}: {first_line}. Check the network and type the same "
            "command again: the download goes on where it stopped."
        ) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from: the clients wrap "no such model" in "could not be had"."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _has_size(file: Path, size_bytes: int) -> bool:
    return file.is_file() and file.stat().st_size == size_bytes


def _existing(folder: Path) -> Path:
    return next(p for p in (folder, *folder.parents) if p.exists())
