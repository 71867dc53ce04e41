"""The child process of the local chat engine: llama.cpp's server on loopback."""

import threading
from collections.abc import Mapping
from typing import Any, Final

from base.parent import attach

_STEP_TOKENS: Final = 64


def main() -> None:
    """Load the model that the parent names, serve it on a free port, and tell the port."""
    parent = attach()
    import xllamacpp  # type: ignore[import-untyped] # it ships no types

    server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), **parent.request))
    parent.ready(url=server.listening_address, version=xllamacpp.__version__)
    threading.Event().wait()


def _parameters(
    parameters: Any,
    *,
    path: str,
    name: str,
    key: str,
    slots: int,
    slot_context: int,
    threads: int,
    sampling: Mapping[str, float],
    template: str,
) -> Any:
    parameters.model.path = path
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.n_parallel = slots
    parameters.n_ctx = slots * slot_context
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.n_gpu_layers = 0
    if template:
        parameters.chat_template = template
    # Small steps: a long prompt delays the others' next token by half a second, not by half a minute.
    parameters.n_batch = parameters.n_ubatch = max(_STEP_TOKENS, slots)
    for field, value in sampling.items():
        setattr(parameters.sampling, field, value)
    # No prefix is shared between callers, and an answer does not depend on what ran before it.
    parameters.cache_prompt = False
    parameters.cache_idle_slots = False
    parameters.cache_ram_mib = 0
    parameters.n_ctx_checkpoints = 0
    parameters.ui = False
    parameters.endpoint_slots = True
    parameters.endpoint_metrics = True
    parameters.cors_origins = ""
    parameters.sse_ping_interval = -1
    parameters.offline = True
    parameters.verbosity = 2
    return parameters


if __name__ == "__main__":
    main()
