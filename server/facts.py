"""The facts that the documents tell, from the parts of a server."""

from collections.abc import Iterator

from base.money import usd_text
from manifests.facts import ModelFact
from runtime.catalog import Catalog


def model_facts(catalog: Catalog) -> Iterator[ModelFact]:
    """One fact for each id that callers can ask for; an alias is served by the model behind it."""
    for model in catalog:
        for name in (model.id, *model.aliases):
            yield ModelFact(
                id=name,
                modality=model.modality,
                input_usd_per_mtok=usd_text(model.card.input_nano_per_mtok),
                output_usd_per_mtok=usd_text(model.card.output_nano_per_mtok),
                context_length=model.context_length,
                license=model.license,
                served_by=model.id,
            )
