"""Which model answers: the one named, else the real one if it is in a cache, else the starter. Downloads nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.errors import ModelNotFound
from qwen_lsp.paths import paths

DEFAULT_MODEL = "lmstudio-community/Qwen3-Coder-30B-A3B-Instruct-MLX-4bit"
_SAME_MODEL = (
    DEFAULT_MODEL,
    "mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit",
    "mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit-dwq-v2",
)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A folder to load, or None for the starter, which is built when missing."""

    name: str
    folder: Path | None

    @property
    def is_starter(self) -> bool:
        """Whether no real model was named or found."""
        return self.folder is None


def choose_model(named: str) -> ModelChoice:
    """The model to load. Raises ModelNotFound when one was named and is not on this machine."""
    if named in ("starter", "starter model"):
        return ModelChoice("starter", None)
    if named:
        return ModelChoice(named, _named_folder(named))
    for name in _SAME_MODEL:
        folder = cached_folder(name)
        if folder is not None:
            return ModelChoice(name, folder)
    return ModelChoice("starter", None)


def _named_folder(named: str) -> Path:
    as_path = Path(named).expanduser()
    if as_path.is_dir():
        return as_path
    if as_path.is_absolute() or named.startswith((".", "~")) or named.count("/") != 1:
        raise ModelNotFound(
            f"There is no model folder at {named}. Give a folder that holds config.json and *.safetensors, "
            f"or a Hugging Face name such as {DEFAULT_MODEL}."
        )
    folder = cached_folder(named)
    if folder is None:
        raise ModelNotFound(
            f"The model {named} is not on this machine, or only a part of it. "
            f"Download it with: qwen-lsp pull {named}"
        )
    return folder


def cached_folder(name: str) -> Path | None:
    """The folder of a completely downloaded model in the Hugging Face cache or our own, else None."""
    own = pulled_folder(name)
    return own if is_complete(own) else _in_hugging_face(name)


def models_here() -> list[str]:
    """Names of the models that lie whole in a cache of this machine, the starter last; looks nowhere else."""
    found = {model_name(file.parent) for file in (paths().data / "models").glob("*/*/config.json")}
    found |= {name for name in _named_in_hugging_face() if cached_folder(name) is not None}
    return [*sorted(found), "starter"]


def _named_in_hugging_face() -> list[str]:
    from huggingface_hub.constants import HF_HUB_CACHE

    folders = Path(HF_HUB_CACHE).glob("models--*--*")
    return ["/".join(folder.name.removeprefix("models--").split("--", 1)) for folder in folders]


def pulled_folder(name: str) -> Path:
    """Where `pull --from modelscope` puts a model."""
    return paths().data / "models" / Path(*name.split("/"))


def _in_hugging_face(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(str(snapshot_download(name, local_files_only=True)))
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError):
        return None
    return folder if is_complete(folder) else None


def is_complete(folder: Path) -> bool:
    """Whether config and every weight file that the index names are there."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    try:
        files = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return all((folder / f).is_file() for f in files)


def model_name(folder: Path) -> str:
    """What people call the model in a folder: its hub name when it lies in a hub's cache, else the folder's name."""
    folder = folder.absolute()
    if folder.parent.name == "snapshots":
        _, _, name = folder.parent.parent.name.partition("models--")
        return name.replace("--", "/") or folder.name
    pulled = paths().data / "models"
    return folder.relative_to(pulled).as_posix() if folder.is_relative_to(pulled) else folder.name
