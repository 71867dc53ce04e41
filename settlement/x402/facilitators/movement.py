"""An authorization as a chain carries it out: the call that moves its money, and the proof of it."""

from dataclasses import dataclass
from typing import Final, Protocol

from settlement.chain import permit2, usdc
from settlement.chain.client import ChainClient, Log, Receipt
from settlement.chain.permit2 import Permit, TokenPermit
from settlement.chain.usdc import Transfer
from settlement.x402.facilitator import Authorization, Method
from settlement.x402.reasons import ALLOWANCE, BALANCE

_TRANSFERRED: Final = usdc.TRANSFER


class Movement(Protocol):
    """The call goes to ``to`` with ``data``; it works once, whoever sends it."""

    @property
    def to(self) -> str: ...

    @property
    def data(self) -> bytes: ...

    def carried_out(self, receipt: Receipt) -> bool:
        """Whether a transaction that made this call moved the money: its status says little."""
        ...

    async def used(self, client: ChainClient) -> bool:
        """Whether its nonce is gone."""
        ...

    async def paid(self, client: ChainClient) -> Receipt | None:
        """The transaction in which it was carried out, whoever sent it."""
        ...

    async def lack(self, client: ChainClient) -> str | None:
        """The x402 reason when the payer lacks what the token asks for and its revert does not tell."""
        ...


def movement_of(authorization: Authorization) -> Movement:
    if authorization.method is Method.PERMIT2:
        return _Permit2Movement(authorization)
    return _TokenMovement(authorization)


@dataclass(frozen=True, slots=True)
class _TokenMovement:
    """EIP-3009: the token itself knows the authorization."""

    authorization: Authorization

    @property
    def to(self) -> str:
        return self.authorization.asset

    @property
    def data(self) -> bytes:
        return usdc.transfer_call(self._transfer)

    def carried_out(self, receipt: Receipt) -> bool:
        return receipt.succeeded and usdc.carried_out(self._transfer, receipt.logs)

    async def used(self, client: ChainClient) -> bool:
        call = usdc.authorization_state_call(self.authorization.payer, self._transfer.nonce)
        return bool(usdc.number(await client.call(self.to, call)))

    async def paid(self, client: ChainClient) -> Receipt | None:
        transfer = self._transfer
        topics = (usdc.AUTHORIZATION_USED, usdc.address_topic(transfer.payer), transfer.nonce)
        async for log in client.recent_logs(transfer.asset, topics):
            receipt = await client.receipt(log.transaction)
            if receipt is not None and self.carried_out(receipt):
                return receipt
        return None

    async def lack(self, client: ChainClient) -> str | None:
        return None

    @property
    def _transfer(self) -> Transfer:
        signed = self.authorization
        return Transfer(
            asset=signed.asset,
            payer=signed.payer,
            payee=signed.payee,
            value_atomic=signed.value_atomic,
            valid_after=signed.valid_after,
            valid_before=signed.valid_before,
            nonce=signed.nonce.lower(),
            signature=_spelled_for_evm(signed.signature),
        )


@dataclass(frozen=True, slots=True)
class _Permit2Movement:
    """Permit2, by the x402 proxy that the payer named as spender."""

    authorization: Authorization

    @property
    def to(self) -> str:
        return permit2.proxy_of(self._permit)

    @property
    def data(self) -> bytes:
        sponsored = self.authorization.approval
        approval = None
        if sponsored is not None:
            approval = TokenPermit(sponsored.value_atomic, sponsored.deadline, sponsored.signature)
        return permit2.settle_call(self._permit, self.authorization.moves_atomic, approval)

    def carried_out(self, receipt: Receipt) -> bool:
        return receipt.succeeded and any(self._moved(log) for log in receipt.logs)

    async def used(self, client: ChainClient) -> bool:
        call = permit2.nonce_call(self.authorization.payer, self._permit.nonce)
        bitmap = usdc.number(await client.call(permit2.PERMIT2, call))
        return permit2.nonce_used(bitmap, self._permit.nonce)

    async def paid(self, client: ChainClient) -> Receipt | None:
        """Permit2 logs no nonce: what was called tells which permit a transfer belongs to."""
        if not await self.used(client):
            return None
        signed = self.authorization
        payer, payee = usdc.address_topic(signed.payer), usdc.address_topic(signed.payee)
        async for log in client.recent_logs(signed.asset, (_TRANSFERRED, payer, payee)):
            if not self._moved(log) or not await self._called_in(client, log.transaction):
                continue
            receipt = await client.receipt(log.transaction)
            if receipt is not None and self.carried_out(receipt):
                return receipt
        return None

    async def lack(self, client: ChainClient) -> str | None:
        signed = self.authorization
        balance = usdc.number(await client.call(signed.asset, usdc.balance_call(signed.payer)))
        if balance < signed.moves_atomic:
            return BALANCE
        allowed = usdc.number(await client.call(signed.asset, permit2.allowance_call(signed.payer)))
        return ALLOWANCE if allowed < signed.moves_atomic else None

    async def _called_in(self, client: ChainClient, transaction: str) -> bool:
        sent = await client.sent(transaction)
        if sent is None or sent.to.lower() != self.to.lower():
            return False
        return permit2.settles(self._permit, self.authorization.moves_atomic, sent.data)

    def _moved(self, log: Log) -> bool:
        signed = self.authorization
        moved = (
            _TRANSFERRED,
            usdc.address_topic(signed.payer),
            usdc.address_topic(signed.payee),
        )
        ours = log.address.lower() == signed.asset.lower() and log.topics == moved
        return ours and int.from_bytes(log.data, "big") == signed.moves_atomic

    @property
    def _permit(self) -> Permit:
        signed = self.authorization
        return Permit(
            token=signed.asset,
            owner=signed.payer,
            payee=signed.payee,
            value_atomic=signed.value_atomic,
            valid_after=signed.valid_after,
            deadline=signed.valid_before,
            nonce=int(signed.nonce, 16),
            signature=signed.signature,
            facilitator=signed.facilitator,
        )


def _spelled_for_evm(signature: bytes) -> bytes:
    """Some wallets end an ECDSA signature with 0 or 1; ecrecover wants 27 or 28."""
    if len(signature) != 65 or signature[64] >= 27:
        return signature
    return signature[:64] + bytes((signature[64] + 27,))
