"""Real replicas: SGLang on the CPU, with a tiny model."""

from pathlib import Path

from runtime.local.artifacts import user_cache_dir
from runtime.sglang.install import install
from tests.contract.sglang.peers import Progress, tiny_model
from tests.faults.pool.replicas import MODEL, Replica
from tests.live import free_port

START_S = 600
_FLAGS = (
    *("--device", "cpu", "--attention-backend", "torch_native", "--model-impl", "transformers"),
    *("--disable-cuda-graph", "--skip-server-warmup", "--max-total-tokens", "16384"),
    *("--max-running-requests", "32", "--max-queued-requests", "256"),
    *("--enable-cache-report", "--enable-priority-scheduling"),
)


def real_replica() -> Replica:
    """One that is not started yet; what it needs is installed."""
    cache = user_cache_dir()
    environment = install(cache, "cpu", Progress())
    model = tiny_model(cache, environment)
    port = free_port()
    return Replica(port, (*_command(environment.python, model), "--port", str(port)), START_S)


def _command(python: Path, model: Path) -> tuple[str, ...]:
    return (
        *("env", "HF_HUB_OFFLINE=1", "OMP_NUM_THREADS=1"),
        *(str(python), "-P", "-m", "sglang.launch_server"),
        *("--model-path", str(model), "--served-model-name", MODEL, *_FLAGS),
    )
