"""The facts that the documents tell, from the parts of a server."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from base.clock import iso_utc
from base.money import usd_text
from base.signing import key_id_of
from manifests.facts import AgentFact, Facts, KeyFact, ModelFact, PaymentFact
from runtime.catalog import Catalog
from server.version import version
from settlement.agent.agent import Agent
from settlement.evidence.trust import TrustedKey
from settlement.x402.sale import Sale


def facts_of(
    url: str,
    catalog: Catalog,
    sales: Sequence[Sale],
    history: Sequence[TrustedKey],
    agent: Agent | None,
) -> Facts:
    """What is so now. ``sales`` are the terms of x402 on each network, none where it is off."""
    *past_keys, key = key_facts(history)
    return Facts(
        version=version(),
        base_url=url,
        models=tuple(model_facts(catalog)),
        payment=payment_fact(sales[0], sales[1:]) if sales else None,
        key=key,
        rendered_on=datetime.now(UTC).date(),
        past_keys=past_keys,
        agent=AgentFact(agent.registry_name, agent.number) if agent else None,
    )


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
                other=model.card.other_usd(),
                sees=model.sees,
            )


def payment_fact(sale: Sale, others: Sequence[Sale] = ()) -> PaymentFact:
    """The x402 rail as the documents tell it, on this network and others."""
    return PaymentFact(
        network=sale.asset.network,
        asset=sale.asset.address,
        asset_name=sale.asset.name,
        asset_version=sale.asset.version,
        pay_to=sale.pay_to,
        min_charge_atomic=sale.min_charge_atomic,
        schemes=sale.schemes,
        others=tuple(payment_fact(other) for other in others),
    )


def key_facts(history: Sequence[TrustedKey]) -> list[KeyFact]:
    """The keys of evidence in the order of their use."""
    return [
        KeyFact(
            key_id_of(key.public_key),
            key.public_key.hex(),
            "" if key.not_after_ms is None else iso_utc(key.not_after_ms),
            key.revoked_size is not None,
        )
        for key in history
    ]
