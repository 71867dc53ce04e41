"""The steps of a deposit, each an operation that applies only from the state it starts in."""

from collections.abc import Sequence
from dataclasses import replace

from settlement.deposits.deposit import SOURCE, Deposit, State, deposit_from, deposit_row
from settlement.ledger import ops
from storage.op import Op, Refused, Rows


def note(found: Deposit) -> Op:
    """A block shows a deposit: new, back again, or moved to another block. A credited one stays
    credited wherever it moves, unless it is another transfer now.

    The Deposit as it is then, or Refused ``differs``: it is to be taken back first.
    """

    def fold(rows: Rows) -> Deposit | Refused:
        row = rows.get(found.key)
        after = found
        if row is not None:
            known = deposit_from(row)
            if known.state is State.CREDITED:
                if not known.same_transfer(found):
                    return Refused("differs")
                after = replace(known, block=found.block, block_hash=found.block_hash)
            else:
                back = known.taken_back if known.account_id == found.account_id else ""
                after = replace(found, generation=known.generation, taken_back=back)
        rows.put(found.key, deposit_row(after))
        return after

    return Op((found.key,), fold)


def drop(seen: Deposit) -> Op:
    """It is gone before it counted."""
    return _advance(seen, State.SEEN, replace(seen, state=State.DROPPED))


def credit(seen: Deposit, at_ms: int) -> Sequence[Op]:
    """It has its confirmations: the account gets it, in the same commit."""
    after = replace(seen, state=State.CREDITED, credited_at_ms=at_ms)
    amount, account_id = seen.amount_nano_usd, seen.account_id
    if seen.taken_back:
        money = ops.hand_back(seen.taken_back, account_id, amount, SOURCE, seen.credit_id, at_ms)
    else:
        money = ops.credit(account_id, amount, SOURCE, seen.credit_id, at_ms)
    return _advance(seen, State.SEEN, after), money


def take_back(credited: Deposit, at_ms: int) -> Sequence[Op]:
    """Its block was replaced after it counted: a posting takes it back, in the same commit."""
    after = replace(
        credited,
        state=State.REVERSED,
        generation=credited.generation + 1,
        taken_back=credited.reversal_id,
    )
    money = ops.claw_back(
        credited.reversal_id,
        credited.account_id,
        credited.amount_nano_usd,
        "reversal",
        credited.credit_id,
        at_ms,
    )
    return _advance(credited, State.CREDITED, after), money


def _advance(before: Deposit, starts: State, after: Deposit) -> Op:
    """The Deposit after it, or Refused ``state`` when it stands elsewhere, or in another block."""

    def fold(rows: Rows) -> Deposit | Refused:
        row = rows.get(before.key)
        known = None if row is None else deposit_from(row)
        if known is None or known.state is not starts or known != before:
            return Refused("state")
        rows.put(before.key, deposit_row(after))
        return after

    return Op((before.key,), fold)
