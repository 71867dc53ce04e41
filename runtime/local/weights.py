"""Which chat model the local engine runs: the bundled one, a file, or one of a model hub."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from base.settings import SettingsError
from runtime.local.artifacts import CHAT_WEIGHTS, ArtifactCache, sha256_of
from runtime.local.chat import ChatWeights
from runtime.local.fetch import FetchError
from runtime.local.gguf import template_of

BUNDLED: Final = "smollm2"
SMOLLM2_ID: Final = "smollm2-135m-instruct-q4_1"
DEFAULT_CONTEXT: Final = 4096
_HUB: Final = re.compile(r"hf:([\w.-]+/[\w.-]+):([\w./-]+\.gguf)")
_SYSTEM: Final = "You are a helpful assistant. Answer briefly and correctly."
_TEMPLATE: Final = Path(__file__).with_name("chatml_tools.jinja")  # the model's own, and functions
_CARD_SAMPLING: Final = {"temp": 0.2, "top_p": 0.9}  # what the model's card uses


def chat_weights(model: str, cache: Path, context_of: Callable[[str], int]) -> ChatWeights:
    """The weights that ``model`` names: ``smollm2``, a path to a .gguf file or ``hf:OWNER/REPO:FILE``.

    ``context_of`` tells the context length of a model id. Blocking: reads a file's digest the first
    time, and a hub's file may be fetched. Raises SettingsError and FetchError.
    """
    if model == BUNDLED:
        path = ArtifactCache(cache).path(CHAT_WEIGHTS)
        revision = f"sha256:{CHAT_WEIGHTS.sha256}"
        return ChatWeights(
            path,
            SMOLLM2_ID,
            revision,
            context_of(SMOLLM2_ID),
            _SYSTEM,
            _CARD_SAMPLING,
            template=_TEMPLATE.read_text(),
            calls=True,
        )
    path = _from_hub(model, cache) if model.startswith("hf:") else Path(model).expanduser().resolve()
    if not path.is_file() or path.suffix != ".gguf":
        raise SettingsError(
            f"model = {model!r}: no such file; it is smollm2, a path to a .gguf file or "
            "hf:OWNER/REPO:FILE.gguf"
        )
    revision = f"sha256:{_digest_once(path, cache)}"
    name = path.stem.lower()
    calls = "tools" in template_of(path)
    return ChatWeights(path, name, revision, context_of(name), calls=calls)


def _from_hub(model: str, cache: Path) -> Path:
    named = _HUB.fullmatch(model)
    if named is None:
        raise SettingsError(f"model = {model!r}: write hf:OWNER/REPO:FILE.gguf")
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository, file = named.groups()
    folder = str(cache / "hub")
    try:
        known = huggingface_hub.hf_hub_download(
            repository, file, cache_dir=folder, local_files_only=True
        )
        return Path(known)
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(huggingface_hub.hf_hub_download(repository, file, cache_dir=folder))
    except Exception as error:
        raise FetchError(
            f"{model} could not be fetched ({type(error).__name__}). Check the name and the network, or "
            "give the path of a .gguf file; later starts need no network."
        ) from error


def _digest_once(path: Path, cache: Path) -> str:
    """The digest of a model file, kept with the file's size and time so that later starts are quick."""
    state = path.stat()
    key = f"{path} {state.st_size} {state.st_mtime_ns}"
    cache.mkdir(parents=True, exist_ok=True)
    stamp = cache / f"{path.name}.digest"
    if stamp.is_file():
        known, _, digest = stamp.read_text().rpartition(" ")
        if known == key:
            return digest
    digest = sha256_of(path)
    stamp.write_text(f"{key} {digest}")
    return digest
