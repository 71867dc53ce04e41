"""The proof: the receipt checked offline, and the payment looked up on the chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.demo.agent import Answer
from server.demo.amounts import change, decimal, short, usdc
from server.demo.chain import Chain, Moved
from server.demo.transcript import StepFailed, Transcript
from server.verdicts import meaning_of
from settlement.evidence.trust import Trust
from settlement.evidence.verdict import Result, Verdict
from settlement.evidence.verify import Bodies, verify_bundle


@dataclass(frozen=True, slots=True)
class Balances:
    """Atomic USDC of both sides at one moment."""

    payer: int
    payee: int


async def balances(chain: Chain, payer: str, payee: str) -> Balances:
    return Balances(await chain.balance_atomic(payer), await chain.balance_atomic(payee))


async def check_payment(
    out: Transcript, chain: Chain, answer: Answer, before: Balances, after: Balances
) -> None:
    """Who paid what to whom, as the chain has it, against what the agent signed and was told."""
    if answer.payment is None or answer.settlement is None:
        raise StepFailed("the answer carries no settlement")
    signed, settlement = answer.payment["payload"]["authorization"], answer.settlement
    paid = int(signed["value"])
    transaction = await chain.transaction(settlement["transaction"])
    out.facts(
        {
            "Tx": settlement["transaction"],
            "Block": f"{transaction.block} of {settlement['network']}",
            "Gas by": f"{transaction.sender} (the server)",
        }
    )
    out.table(
        ("", "address", "USDC before", "USDC after", "change"),
        [
            _balance_row("payer", signed["from"], before.payer, after.payer),
            _balance_row("payee", signed["to"], before.payee, after.payee),
        ],
        numbers=3,
    )
    out.check("the server says it settled", settlement["success"] is True)
    out.check("the transaction succeeded", transaction.succeeded)
    moved = Moved(signed["from"], signed["to"], paid)
    out.check(
        f"it moved {usdc(paid)} from payer to payee, nothing else", transaction.transfers == (moved,)
    )
    used = (signed["from"], signed["nonce"].lower())
    out.check("it used up exactly the authorization that was signed", transaction.used == (used,))
    out.check(
        "that authorization can't be used again",
        await chain.authorization_used(signed["from"], signed["nonce"]),
    )
    out.check("the payer has that much less", before.payer - after.payer == paid)
    # others may pay at the same time
    out.check("the payee has that much more", after.payee - before.payee >= paid)


def check_answer(out: Transcript, bundle: Mapping[str, Any], trust: Trust, answer: Answer) -> Verdict:
    """Every check of ``batchin verify``, offline, with request and answer at hand; all must pass."""
    verdict = verify_bundle(bundle, trust, Bodies(answer.request, answer.output))
    for check in verdict.checks:
        out.check(meaning_of(check.name), check.result is Result.PASS, check.detail or check.name)
    out.check("the verdict: valid", verdict.valid and verdict.exit_code == 0)
    return verdict


def check_receipt_payment(out: Transcript, answer: Answer) -> None:
    """The receipt's own words about the payment are those of the chain."""
    receipt = answer.receipt["receipt_payload"]
    assert answer.payment is not None
    assert answer.settlement is not None
    signed = answer.payment["payload"]["authorization"]
    told = (receipt["payer"].lower(), receipt["payee"].lower(), int(receipt["settled_atomic"]))
    held = told == (signed["from"].lower(), signed["to"].lower(), int(signed["value"]))
    out.check("the receipt names the payer, the payee and the amount", held)
    held = receipt["transaction"] == answer.settlement["transaction"]
    out.check("the receipt names the transaction", held)


def _balance_row(who: str, address: str, before: int, after: int) -> tuple[str, ...]:
    return who, short(address), decimal(before), decimal(after), change(after - before)
