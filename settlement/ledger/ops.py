"""The operations of the ledger: reserve, charge, give back, move. Each is a pure fold over its rows.

An account may spend ``posted - held``. A hold reserves the most that a run may cost, on the account and
in the month of its key alike, so no concurrency outruns a balance or a budget. Refusals are results.
"""

from dataclasses import dataclass
from typing import Final

from base.money import NANO_MAX
from settlement.ledger.ids import (
    FUNDING,
    RECEIVABLE,
    REVENUE,
    SYSTEM_ACCOUNTS,
    account_key,
    api_key_key,
    hold_key,
    is_wallet,
    transfer_key,
)
from settlement.ledger.months import month_of
from storage.op import Key, Op, Refused, Row, Rows

_NO_MONTH: Final = 0


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture charged and what the account may still spend. ``capped`` tells that more was asked
    than the hold had left: the excess is ours."""

    charged_nano_usd: int
    available_nano_usd: int
    capped: bool


def hold(
    run_id: str, account_id: str, key_id: str | None, amount_nano_usd: int, lease: str, at_ms: int
) -> Op:
    """Reserve the most that a run may cost. Its id is new: no row of it is looked for on the disk.

    None, or Refused: ``duplicate`` (the run has a hold), ``no_account``, ``no_key`` (unknown, revoked or
    expired), ``insufficient``, ``over_budget``.
    """
    _check(amount_nano_usd)
    hold_at, account_at = hold_key(run_id), account_key(account_id)
    key_at = api_key_key(key_id) if key_id is not None else None

    def fold(rows: Rows) -> Refused | None:
        if rows.get(hold_at) is not None:
            return Refused("duplicate")
        account = rows.get(account_at)
        if account is None:
            return Refused("no_account")
        if key_at is not None:
            refused = _reserve_budget(rows, key_at, account_id, amount_nano_usd, at_ms)
            if refused is not None:
                return refused
        available = account["posted"] - account["held"]
        if available < amount_nano_usd:
            return Refused("insufficient", {"available_nano_usd": available})
        account["held"] += amount_nano_usd
        rows.put(account_at, account)
        rows.put(
            hold_at,
            {
                "run_id": run_id,
                "account_id": account_id,
                "key_id": key_id,
                "amount": amount_nano_usd,
                "captured": 0,
                "lease": lease,
                "at_ms": at_ms,
            },
        )
        return None

    return Op(_present(account_at, key_at), fold, fresh=(hold_at,))


def capture(run_id: str, account_id: str, key_id: str | None, amount_nano_usd: int, at_ms: int) -> Op:
    """Charge a run, give back the rest of its hold, and end the hold.

    Captured, or Refused ``no_hold``: captured or voided before, or never held.
    """
    _check(amount_nano_usd)
    hold_at, account_at = hold_key(run_id), account_key(account_id)
    key_at = api_key_key(key_id) if key_id is not None else None
    month = month_of(at_ms)

    def fold(rows: Rows) -> Captured | Refused:
        held = rows.get(hold_at)
        if held is None or held["account_id"] != account_id or held["key_id"] != key_id:
            return Refused("no_hold")
        left = held["amount"] - held["captured"]
        charged = min(amount_nano_usd, left)
        rows.delete(hold_at)
        available = _take(rows, account_at, key_at, month, charged=charged, released=left)
        rows.add(
            "transfer",
            _transfer(f"capture:{run_id}", account_id, REVENUE, charged, "capture", run_id, at_ms),
        )
        return Captured(charged, available, capped=charged < amount_nano_usd)

    return Op(_present(hold_at, account_at, key_at), fold)


def capture_part(
    run_id: str, account_id: str, key_id: str | None, amount_nano_usd: int, part_id: str, at_ms: int
) -> Op:
    """Charge a part of a run (one task of a batch) and keep the rest of its hold.

    Captured, or Refused: ``no_hold``, ``duplicate`` (the part was charged before).
    """
    _check(amount_nano_usd)
    hold_at, account_at = hold_key(run_id), account_key(account_id)
    key_at = api_key_key(key_id) if key_id is not None else None
    transfer_at = transfer_key(f"capture:{part_id}")
    month = month_of(at_ms)

    def fold(rows: Rows) -> Captured | Refused:
        if rows.get(transfer_at) is not None:
            return Refused("duplicate")
        held = rows.get(hold_at)
        if held is None or held["account_id"] != account_id or held["key_id"] != key_id:
            return Refused("no_hold")
        charged = min(amount_nano_usd, held["amount"] - held["captured"])
        held["captured"] += charged
        rows.put(hold_at, held)
        available = _take(rows, account_at, key_at, month, charged=charged, released=charged)
        rows.put(
            transfer_at,
            _transfer(f"capture:{part_id}", account_id, REVENUE, charged, "capture", run_id, at_ms),
        )
        return Captured(charged, available, capped=charged < amount_nano_usd)

    return Op(_present(hold_at, account_at, key_at, transfer_at), fold)


def charge_part(
    run_id: str, account_id: str, key_id: str | None, amount_nano_usd: int, part_id: str, at_ms: int
) -> Op:
    """Charge a part that can't have been charged before: what it made is new in the same commit, under
    an id of its own. Nothing of it is looked for on the disk; a second charge is an alarm, and fails.

    Captured, or Refused ``no_hold``.
    """
    _check(amount_nano_usd)
    hold_at, account_at = hold_key(run_id), account_key(account_id)
    key_at = api_key_key(key_id) if key_id is not None else None
    transfer_at = transfer_key(f"capture:{part_id}")
    month = month_of(at_ms)

    def fold(rows: Rows) -> Captured | Refused:
        held = rows.get(hold_at)
        if held is None or held["account_id"] != account_id or held["key_id"] != key_id:
            return Refused("no_hold")
        charged = min(amount_nano_usd, held["amount"] - held["captured"])
        held["captured"] += charged
        rows.put(hold_at, held)
        available = _take(rows, account_at, key_at, month, charged=charged, released=charged)
        rows.put(
            transfer_at,
            _transfer(f"capture:{part_id}", account_id, REVENUE, charged, "capture", run_id, at_ms),
        )
        return Captured(charged, available, capped=charged < amount_nano_usd)

    return Op(_present(hold_at, account_at, key_at), fold, fresh=(transfer_at,))


def void(run_id: str, account_id: str, key_id: str | None) -> Op:
    """Give back what a run still holds: whether there was a hold. A second time is harmless."""
    hold_at, account_at = hold_key(run_id), account_key(account_id)
    key_at = api_key_key(key_id) if key_id is not None else None

    def fold(rows: Rows) -> bool:
        held = rows.get(hold_at)
        if held is None or held["account_id"] != account_id or held["key_id"] != key_id:
            return False
        rows.delete(hold_at)
        left = held["amount"] - held["captured"]
        _take(rows, account_at, key_at, _NO_MONTH, charged=0, released=left)
        return True

    return Op(_present(hold_at, account_at, key_at), fold)


def post(
    transfer_id: str, debit: str, credit: str, amount_nano_usd: int, code: str, ref: str, at_ms: int
) -> Op:
    """Move an amount from ``debit`` to ``credit``, once for each ``transfer_id``.

    A wallet that receives its first amount gets its account. None, or Refused: ``duplicate``,
    ``no_account``, ``insufficient`` (what is held can't be moved), ``too_large`` (beyond 64 bits).
    """
    _check(amount_nano_usd)
    if debit == credit:
        raise ValueError("a transfer needs two accounts")
    transfer_at = transfer_key(transfer_id)
    debit_at = None if debit in SYSTEM_ACCOUNTS else account_key(debit)
    credit_at = None if credit in SYSTEM_ACCOUNTS else account_key(credit)

    def fold(rows: Rows) -> Refused | None:
        if rows.get(transfer_at) is not None:
            return Refused("duplicate")
        if debit_at is not None:
            payer = rows.get(debit_at)
            if payer is None:
                return Refused("no_account")
            if payer["posted"] - payer["held"] < amount_nano_usd:
                return Refused("insufficient")
            payer["posted"] -= amount_nano_usd
            rows.put(debit_at, payer)
        if credit_at is not None:
            payee = rows.get(credit_at) or _new_wallet(credit, at_ms)
            if payee is None:
                return Refused("no_account")
            payee["posted"] += amount_nano_usd
            if payee["posted"] > NANO_MAX:
                return Refused("too_large")
            rows.put(credit_at, payee)
        rows.put(transfer_at, _transfer(transfer_id, debit, credit, amount_nano_usd, code, ref, at_ms))
        return None

    return Op(_present(transfer_at, debit_at, credit_at), fold)


def credit(account_id: str, amount_nano_usd: int, source: str, external_id: str, at_ms: int) -> Op:
    """Fund an account, once for each external id of a source (``demo``, ``stripe``; no colon in it)."""
    if ":" in source:
        raise ValueError("the name of a source holds no colon")
    transfer_id = f"credit:{source}:{external_id}"
    return post(transfer_id, FUNDING, account_id, amount_nano_usd, "credit", external_id, at_ms)


def claw_back(
    transfer_id: str,
    account_id: str,
    amount_nano_usd: int,
    code: str,
    ref: str,
    at_ms: int,
    *,
    to: str = FUNDING,
    borne_by: str = RECEIVABLE,
) -> Op:
    """Take a credit back whose payment went back to its payer (``to`` is where it had come from): from
    the account what it has left, the rest becomes a claim of ours, or is ``borne_by`` another account.
    Once for each ``transfer_id``.

    What the account still had, or Refused: ``duplicate``, ``no_account``.
    """
    _check(amount_nano_usd)
    taken_at, owed_at = transfer_key(transfer_id), transfer_key(f"{transfer_id}:owed")
    account_at = account_key(account_id)

    def fold(rows: Rows) -> int | Refused:
        if rows.get(taken_at) is not None:
            return Refused("duplicate")
        account = rows.get(account_at)
        if account is None:
            return Refused("no_account")
        taken = min(amount_nano_usd, account["posted"] - account["held"])
        account["posted"] -= taken
        rows.put(account_at, account)
        rows.put(taken_at, _transfer(transfer_id, account_id, to, taken, code, ref, at_ms))
        owed = amount_nano_usd - taken
        if owed:
            entry = _transfer(f"{transfer_id}:owed", borne_by, to, owed, code, ref, at_ms)
            rows.put(owed_at, entry)
        return int(taken)

    return Op((taken_at, owed_at, account_at), fold)


def hand_back(
    taken_id: str, account_id: str, amount_nano_usd: int, source: str, external_id: str, at_ms: int
) -> Op:
    """Undo the ``claw_back`` with the id ``taken_id``, whose payment came again: our claim ends first,
    the rest is the account's. Once for each external id of a source.

    None, or Refused: ``duplicate``, ``no_account``, ``too_large``.
    """
    _check(amount_nano_usd)
    credit_id = f"credit:{source}:{external_id}"
    back_at, settled_at = transfer_key(credit_id), transfer_key(f"{credit_id}:owed")
    owed_at, account_at = transfer_key(f"{taken_id}:owed"), account_key(account_id)

    def fold(rows: Rows) -> Refused | None:
        if rows.get(back_at) is not None:
            return Refused("duplicate")
        account = rows.get(account_at)
        if account is None:
            return Refused("no_account")
        claim = rows.get(owed_at)
        owed = min(amount_nano_usd, claim["amount"] if claim is not None else 0)
        back = amount_nano_usd - owed
        account["posted"] += back
        if account["posted"] > NANO_MAX:
            return Refused("too_large")
        rows.put(account_at, account)
        rows.put(back_at, _transfer(credit_id, FUNDING, account_id, back, "credit", external_id, at_ms))
        if owed:
            entry = _transfer(
                f"{credit_id}:owed", FUNDING, RECEIVABLE, owed, "credit", external_id, at_ms
            )
            rows.put(settled_at, entry)
        return None

    return Op((back_at, settled_at, owed_at, account_at), fold)


def account_row(account_id: str, kind: str, name: str, email: str, at_ms: int) -> Row:
    """A new account without money."""
    return {
        "id": account_id,
        "kind": kind,
        "name": name,
        "email": email,
        "posted": 0,
        "held": 0,
        "created_at_ms": at_ms,
    }


def _check(amount_nano_usd: int) -> None:
    if not 0 <= amount_nano_usd <= NANO_MAX:
        raise ValueError(f"not an amount: {amount_nano_usd}")


def _present(*keys: Key | None) -> tuple[Key, ...]:
    return tuple(filter(None, keys))


def _reserve_budget(
    rows: Rows, key_at: Key, account_id: str, amount_nano_usd: int, at_ms: int
) -> Refused | None:
    key = rows.get(key_at)
    if key is None or key["account_id"] != account_id or key["revoked_at_ms"] is not None:
        return Refused("no_key")
    if key["expires_at_ms"] is not None and at_ms >= key["expires_at_ms"]:
        return Refused("no_key")
    _roll(key, month_of(at_ms))
    key["held_nano"] += amount_nano_usd
    budget = key["monthly_budget_nano"]
    if budget is not None and key["spent_nano"] + key["held_nano"] > budget:
        return Refused("over_budget", {"monthly_budget_nano": budget})
    rows.put(key_at, key)
    return None


def _roll(key: Row, month: int) -> None:
    """Start a new month's spending; a clock that runs back starts none."""
    if month > key["month"]:
        key["month"] = month
        key["spent_nano"] = 0


def _take(
    rows: Rows, account_at: Key, key_at: Key | None, month: int, *, charged: int, released: int
) -> int:
    """Release a part of what is held and charge a part of that; what the account may still spend."""
    account = _existing(rows, account_at)
    account["held"] -= released
    account["posted"] -= charged
    rows.put(account_at, account)
    if key_at is not None:
        key = _existing(rows, key_at)
        _roll(key, month)
        key["held_nano"] -= released
        key["spent_nano"] += charged
        rows.put(key_at, key)
    return int(account["posted"] - account["held"])


def _existing(rows: Rows, key: Key) -> Row:
    row = rows.get(key)
    if row is None:
        raise LookupError(f"the row {key} of a hold is gone")
    return row


def _new_wallet(account_id: str, at_ms: int) -> Row | None:
    return account_row(account_id, "wallet", "", "", at_ms) if is_wallet(account_id) else None


def _transfer(
    transfer_id: str, debit: str, credit: str, amount: int, code: str, ref: str, at_ms: int
) -> Row:
    return {
        "id": transfer_id,
        "debit": debit,
        "credit": credit,
        "amount": amount,
        "code": code,
        "ref": ref,
        "at_ms": at_ms,
    }
