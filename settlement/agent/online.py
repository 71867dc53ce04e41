"""The checks of a bundle that ask the chain: was it paid, to whom, by which agent, is it anchored.

Nothing is believed because the server says it: the node that is asked is the verifier's own choice.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from base.errors import BatchinError
from settlement.agent.agent import Place
from settlement.agent.registry import RegistryReader, same
from settlement.chain import usdc
from settlement.chain.abi import UnexpectedAnswer, number_of
from settlement.chain.client import ChainClient, Receipt
from settlement.chain.erc8004 import identity, keeper, validation
from settlement.chain.erc8004.addresses import Registries, registries_of
from settlement.chain.errors import RpcRefused
from settlement.chain.permit2 import PERMIT2, nonce_call, nonce_used
from settlement.evidence.bundle import (
    AnchorShape,
    BundleShape,
    EvidencePayloadShape,
    UnreadableBundle,
    shape_of,
)
from settlement.evidence.verdict import Findings

Fetch = Callable[[str], Awaitable[Any]]
"""Gets the JSON behind a URL. Raises ValueError, OSError."""
_NONCE: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_REGISTRY_NAME: Final = re.compile(r"eip155:([1-9][0-9]{0,18}):(0x[0-9a-fA-F]{40})")
_AGENT_ID: Final = re.compile(r"0|[1-9][0-9]{0,77}")
_PAID: Final = "chain.payment"
_REGISTRY: Final = "agent.registry"
_WALLET: Final = "agent.wallet"
_FILE: Final = "agent.registration"
_ANCHOR: Final = "anchor.transaction"
NAMES: Final = ("chain.network", _PAID, _REGISTRY, _WALLET, _FILE, _ANCHOR)


class _Unanswered(Exception):
    """The node can't tell; the message says why."""


@dataclass(frozen=True, slots=True)
class OnlineVerifier:
    """``client`` asks the verifier's node; ``confirmations`` is from how many blocks on a transaction
    counts as final."""

    client: ChainClient
    fetch: Fetch
    confirmations: int

    async def check(self, findings: Findings, bundle: Any) -> None:
        """Add the checks of the chain to those of a bundle. Never raises for what a bundle, a node or a
        registration file holds."""
        try:
            shape = shape_of(bundle)
        except UnreadableBundle:
            return
        network = _network(shape)
        if not network:
            for name in NAMES:
                findings.skip(name, "The record names no chain.", needed=False)
            return
        try:
            chain_id = await self.client.chain_id()
        except (BatchinError, RpcRefused, ValueError) as error:
            for name in NAMES:
                findings.skip(name, f"The node does not answer: {error}")
            return
        here = f"eip155:{chain_id}"
        if not findings.equal("chain.network", here, network, f"The node is of {here}, not {network}."):
            return
        await self._add(findings, _PAID, self._payment(findings, shape))
        await self._check_agent(findings, shape)
        await self._add(findings, _ANCHOR, self._anchor(findings, shape.anchor, shape))

    async def _check_agent(self, findings: Findings, shape: BundleShape) -> None:
        payload = shape.evidence.payload
        if not payload.agent_registry:
            for name in (_REGISTRY, _WALLET, _FILE):
                findings.skip(name, "The record names no agent.", needed=False)
            return
        if not findings.add(_REGISTRY, _registry_problem(payload.agent_registry, payload.agent_id)):
            return
        await self._add(findings, _WALLET, self._wallet(findings, shape))
        await self._add(findings, _FILE, self._registration(shape))

    async def _add(self, findings: Findings, name: str, finding: Awaitable[str | None]) -> None:
        """What a check found: a problem, "" for none, None where it added itself."""
        try:
            problem = await finding
        except (_Unanswered, BatchinError, RpcRefused) as error:
            findings.skip(name, f"It could not be told: {error}")
        except UnexpectedAnswer:
            findings.add(name, "No such contract stands at the registry's address.")
        else:
            if problem is not None:
                findings.add(name, problem)

    async def _payment(self, findings: Findings, shape: BundleShape) -> str | None:
        payload, receipt = shape.evidence.payload, shape.receipt
        if payload.rail != "x402":
            findings.skip(_PAID, f"Nothing moves on chain on the rail {payload.rail!r}.", needed=False)
            return None
        if receipt is None or not receipt.receipt_payload.transaction:
            findings.skip(_PAID, "The receipt names no transaction: nothing was settled.", needed=False)
            return None
        mined = await self._mined(receipt.receipt_payload.transaction)
        if isinstance(mined, str):
            return mined
        asset = payload.asset.lower()
        logs = [log for log in mined.logs if log.address.lower() == asset]
        moved = (usdc.TRANSFER, _topic(payload.payer), _topic(payload.payee))
        amount = int(receipt.receipt_payload.settled_atomic)
        if not any(log.topics == moved and int.from_bytes(log.data, "big") == amount for log in logs):
            return "The transaction does not move the settled amount from the payer to the payee."
        used = (usdc.AUTHORIZATION_USED, _topic(payload.payer), payload.nonce.lower())
        if any(log.topics == used for log in logs) or await self._permitted(payload, mined.block):
            return ""
        return "The transaction does not use the authorization that was recorded."

    async def _permitted(self, payload: EvidencePayloadShape, block: int) -> bool:
        """Whether the recorded nonce is one of Permit2, used by then (upto, and exact by Permit2)."""
        if _NONCE.fullmatch(payload.nonce) is None or not await self.client.code(PERMIT2):
            return False
        nonce = int(payload.nonce, 16)
        bitmap = await self.client.call(PERMIT2, nonce_call(payload.payer, nonce), block)
        return nonce_used(usdc.number(bitmap), nonce)

    async def _wallet(self, findings: Findings, shape: BundleShape) -> str | None:
        payload, receipt = shape.evidence.payload, shape.receipt
        paid = receipt.receipt_payload.transaction if receipt is not None else ""
        if payload.rail != "x402" or not paid:
            findings.skip(_WALLET, "Nothing was paid on chain.", needed=False)
            return None
        mined = await self.client.receipt(paid)
        if mined is None:
            return "The chain does not know the transaction."
        reader, agent_id = _reader(self.client, payload.agent_registry), int(payload.agent_id)
        wallet = await reader.wallet(agent_id, mined.block)
        if same(wallet, payload.payee):
            return ""
        return f"The agent's wallet was {wallet} at that block, and {payload.payee} was paid."

    async def _registration(self, shape: BundleShape) -> str:
        """The registry points at a file that names the entry: both sides say it."""
        payload = shape.evidence.payload
        reader, agent_id = _reader(self.client, payload.agent_registry), int(payload.agent_id)
        try:
            uri = await reader.uri(agent_id)
        except RpcRefused:
            return "The registry has no such agent."
        try:
            document = await self.fetch(uri)
        except (BatchinError, ValueError, OSError) as error:
            raise _Unanswered(f"{uri} can't be read: {error}") from None
        entries = document.get("registrations") if isinstance(document, Mapping) else None
        wanted = payload.agent_registry.lower()
        for entry in entries if isinstance(entries, list) else []:
            named = isinstance(entry, Mapping) and str(entry.get("agentRegistry")).lower() == wanted
            if named and str(entry.get("agentId")) == payload.agent_id:
                return ""
        return f"{uri} does not name this entry of the registry."

    async def _anchor(
        self, findings: Findings, anchor: AnchorShape | None, shape: BundleShape
    ) -> str | None:
        if anchor is None:
            named = bool(shape.evidence.payload.agent_registry)
            findings.skip(_ANCHOR, "The bundle holds no anchor; fetch it again later.", needed=named)
            return None
        payload = shape.evidence.payload
        if payload.agent_id and payload.agent_id != anchor.agent_id:
            return "The anchor is of another agent than the record."
        mined = await self._mined(anchor.transaction)
        if isinstance(mined, str):
            return mined
        if mined.block != anchor.block:
            return f"The transaction is in block {mined.block}, not in {anchor.block}."
        digest = bytes.fromhex(anchor.digest[2:])
        agent_id = int(anchor.agent_id)
        if anchor.kind == "identity_metadata":
            registry = f"{anchor.network}:{anchor.registry}"
            if problem := _registry_problem(registry, anchor.agent_id):
                return problem
            written = identity.metadata_written(
                anchor.registry, agent_id, keeper.METADATA_KEY, mined.logs
            )
            return "" if digest in written else "The transaction wrote no such digest."
        asked = validation.VALIDATION_REQUEST.of(anchor.registry, mined.logs)
        found = any(
            number_of(topics[1]) == agent_id and topics[2] == anchor.digest for topics, _ in asked
        )
        return "" if found else "The transaction asked for no such validation."

    async def _mined(self, transaction: str) -> Receipt | str:
        """The final receipt of a transaction, or what is wrong with it."""
        mined = await self.client.receipt(transaction)
        if mined is None:
            return "The chain does not know the transaction."
        if not mined.succeeded:
            return "The transaction was reverted."
        blocks = await self.client.height() - mined.block + 1
        if blocks < self.confirmations:
            raise _Unanswered(f"the transaction has {blocks} of {self.confirmations} confirmations")
        return mined


def _network(shape: BundleShape) -> str:
    """The chain that a bundle speaks of; "" where it speaks of none."""
    payload = shape.evidence.payload
    if shape.anchor is not None:
        return shape.anchor.network
    return payload.network or payload.agent_registry.rpartition(":")[0]


def _registry_problem(registry: str, agent_id: str) -> str:
    """An entry in a registry that anybody made proves nothing: it has to be the chain's known one."""
    named = _REGISTRY_NAME.fullmatch(registry)
    if named is None or _AGENT_ID.fullmatch(agent_id) is None:
        return "That names no entry of an Identity Registry."
    known = registries_of(int(named[1]))
    if known is None or not same(known.identity, named[2]):
        return f"{registry} is not the known Identity Registry of that chain."
    return ""


def _reader(client: ChainClient, registry: str) -> RegistryReader:
    network, _, address = registry.rpartition(":")
    return RegistryReader(client, Place(network, 0, "", Registries(address, "", ""), ""))


def _topic(address: str) -> str:
    return usdc.address_topic(address)
