"""What a payer says of the agent: the feedback file of ERC-8004, with its proof of payment.

The same question gives the same bytes, so that the server's own URL can be the ``feedbackURI`` and the
keccak-256 of the file its ``feedbackHash``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from base.canonical import canonical
from base.clock import iso_utc
from base.errors import NotReady
from settlement.agent.agent import Place
from settlement.chain.erc8004.reputation import GIVE_FEEDBACK
from settlement.chain.keccak import keccak256

MOST_DECIMALS: Final = 18
LARGEST: Final = 10**38 - 1
"""What the registry takes: the largest int128 of nines."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """``value`` of ``decimals``: 100 of 0 is full marks where ``tag1`` says what was rated."""

    value: int
    decimals: int = 0
    tag1: str = ""
    tag2: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A feedback file as bytes, and what it is sent with."""

    content: bytes
    endpoint: str

    @property
    def hash(self) -> bytes:
        return keccak256(self.content)


def feedback(bundle: Mapping[str, Any], opinion: Opinion, base_url: str) -> Feedback:
    """The file of the call's payer. Raises NotReady where no chain moved money, or no agent was paid."""
    record, receipt = bundle["evidence"]["payload"], bundle["receipt"]
    paid = receipt["receipt_payload"] if receipt else {}
    if record["rail"] != "x402" or not paid.get("transaction"):
        raise NotReady(
            "The call has no payment on chain to prove.",
            resolution="Feedback is for calls that were paid with x402 and have settled.",
        )
    if not record["agent_registry"]:
        raise NotReady(
            "The server was no agent of ERC-8004 when it signed the record.",
            resolution="Feedback is for calls whose record names agent_registry and agent_id.",
        )
    network = record["network"]
    file = {
        "agentRegistry": record["agent_registry"],
        "agentId": int(record["agent_id"]),
        "clientAddress": f"{network}:{record['payer']}",
        "createdAt": iso_utc(paid["issued_at_ms"]),
        "value": opinion.value,
        "valueDecimals": opinion.decimals,
        "tag1": opinion.tag1,
        "tag2": opinion.tag2,
        "endpoint": base_url,
        "mcp": {"tool": record["tool"]},
        "proofOfPayment": {
            "fromAddress": record["payer"],
            "toAddress": record["payee"],
            "chainId": network.rpartition(":")[2],
            "txHash": paid["transaction"],
        },
        "receipt": {
            "recordId": record["record_id"],
            "receiptHash": receipt["receipt_hash"],
            "bundle": f"{base_url}/v1/audit/{record['record_id']}/bundle",
        },
    }
    return Feedback(canonical(file), base_url)


def submission(
    given: Feedback, opinion: Opinion, uri: str, agent_id: int, place: Place
) -> dict[str, Any]:
    """The transaction that the payer sends: ``giveFeedback`` of the Reputation Registry."""
    arguments = (
        agent_id,
        opinion.value,
        opinion.decimals,
        opinion.tag1,
        opinion.tag2,
        given.endpoint,
        uri,
        given.hash,
    )
    return {
        "network": place.network,
        "chain_id": place.chain_id,
        "to": place.registries.reputation,
        "function": GIVE_FEEDBACK.signature,
        "data": "0x" + GIVE_FEEDBACK.call(*arguments).hex(),
        "feedback_uri": uri,
        "feedback_hash": "0x" + given.hash.hex(),
    }
