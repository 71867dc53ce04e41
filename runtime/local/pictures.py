"""The local engine of pictures, and its model."""

from base.settings import ModelSettings, Settings
from runtime.catalog import Model, entry_card
from runtime.engine import Modality
from runtime.local.aliases import aliases_of
from runtime.local.embedder import EmbeddingWeights
from runtime.local.illustrator.engine import ILLUSTRATOR_ID, LocalIllustrator, illustrator_installed
from runtime.local.lazy_child import Patience

_ILLUSTRATOR = ModelSettings(
    id=ILLUSTRATOR_ID,
    modality="image",
    input_usd_per_mtok="0",
    output_usd_per_mtok="0",
    image_usd="0.001",
    license="MIT AND Apache-2.0",
)


def picture_engines(
    settings: Settings, weights: EmbeddingWeights
) -> tuple[list[LocalIllustrator], list[Model]]:
    """The illustrator unless it is switched off, not started."""
    if not (settings.illustrator and illustrator_installed()):
        return [], []
    patience = Patience(settings.between_events_s, settings.engine_idle_s)
    engine = LocalIllustrator(weights, settings.max_running, patience)
    entries = {entry.id: entry for entry in settings.models}
    given = entries.get(ILLUSTRATOR_ID, _ILLUSTRATOR)
    model = Model(
        id=ILLUSTRATOR_ID,
        modality=Modality.IMAGE,
        engine_model=ILLUSTRATOR_ID,
        card=entry_card(given),
        context_length=given.context_length,
        license=given.license,
        aliases=aliases_of(Modality.IMAGE, settings, given),
        status=given.status or "on_demand",
        check=engine.check,
        description="Composes vector art; not a neural image model.",
    )
    return [engine], [model]
