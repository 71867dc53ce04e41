"""The names that a local model answers to."""

from base.settings import ModelSettings, Settings
from runtime.catalog import DOCUMENTED_IDS
from runtime.engine import Modality


def aliases_of(modality: Modality, settings: Settings, given: ModelSettings) -> tuple[str, ...]:
    """The documented ids of the modality, so that every documented sample runs, and the entry's own."""
    documented = (
        [] if settings.strict_models else [i for i, m in DOCUMENTED_IDS.items() if m == modality]
    )
    return tuple(dict.fromkeys((*documented, *given.aliases)))
