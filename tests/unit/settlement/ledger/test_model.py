"""The ledger against a model, step by step: same answers, books that sum to 0, rows equal to entries.

Some thousand commits over rows in a dict, checked after each; some hundred over the real store, whose
answers are checked as they come and whose books are audited from the disk at the end.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from settlement.ledger import ops
from settlement.ledger.credentials import KeyInfo, KeyLimits, key_row
from settlement.ledger.ids import account_key, api_key_key
from settlement.ledger.months import month_of
from storage.op import Op, Refused, Rows
from tests.unit.settlement.ledger.conftest import Bank, opened
from tests.unit.settlement.ledger.model import DictRows, KeyModel, Model

MONTH_MS = 31 * 86_400_000
amounts = st.integers(0, 40)
budgets = st.none() | st.integers(0, 120)


class LedgerMachine(RuleBasedStateMachine):
    """Accounts, keys, runs, transfers. Names may be foreign, ended or used before."""

    accounts = Bundle("accounts")
    keys = Bundle("keys")
    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.at_ms = 1_700_000_000_000
        self.owners: dict[str, tuple[str, str | None]] = {}
        self.names = Counter[str]()
        self.begin()

    def begin(self) -> None:
        self.rows = DictRows()

    def commit(self, *operations: Op) -> Any:
        return self.rows.commit(*operations)

    def told(self, *operations: Op) -> Any:
        """The value of a commit's last operation, or the code of its refusal."""
        answer = self.commit(*operations)
        return answer.code if isinstance(answer, Refused) else answer[-1]

    def new(self, kind: str) -> str:
        self.names[kind] += 1
        return f"{kind}_{self.names[kind]}"

    @property
    def month(self) -> int:
        return month_of(self.at_ms)

    @rule(target=accounts, amount=st.integers(0, 200))
    def open_account(self, amount: int) -> str:
        name = self.new("acct")
        self.told(_put_account(name, self.at_ms), ops.credit(name, amount, "test", name, self.at_ms))
        self.model.posted[name] = 0
        self.model.post(f"credit:test:{name}", "funding", name, amount)
        return name

    @rule(target=accounts, amount=amounts)
    def wallet_pays(self, amount: int) -> str:
        name = self.new("wallet:chain:0x")
        self.post(f"x402:{name}", "receivable", name, amount)
        return name

    @rule(target=keys, account=accounts, budget=budgets)
    def make_key(self, account: str, budget: int | None) -> str:
        name = self.new("key")
        self.told(_put_key(name, account, budget, self.at_ms))
        self.model.keys[name] = KeyModel(account, budget, self.month)
        return name

    @rule(key=keys)
    def revoke_key(self, key: str) -> None:
        self.told(_revoke(key))
        self.model.keys[key].revoked = True

    @rule(target=runs, account=accounts, key=st.none() | keys, amount=amounts)
    def hold(self, account: str, key: str | None, amount: int) -> Any:
        return self.hold_run(self.new("run"), account, key, amount)

    @rule(target=runs, key=keys, amount=amounts)
    def hold_by_own_key(self, key: str, amount: int) -> Any:
        return self.hold_run(self.new("run"), self.model.keys[key].account, key, amount)

    def hold_run(self, run: str, account: str, key: str | None, amount: int) -> Any:
        answer = self.told(ops.hold(run, account, key, amount, "lease", self.at_ms))
        assert answer == self.model.hold(run, account, key, amount, self.month)
        if answer is not None:
            return multiple()
        self.owners[run] = (account, key)
        return run

    @rule(run=runs, amount=amounts)
    def hold_again(self, run: str, amount: int) -> None:
        account, key = self.owners[run]
        if run in self.model.holds:
            assert self.told(ops.hold(run, account, key, amount, "lease", self.at_ms)) == "duplicate"

    @rule(run=runs, amount=amounts)
    def capture(self, run: str, amount: int) -> None:
        answer = self.told(ops.capture(run, *self.owners[run], amount, self.at_ms))
        assert _shown(answer) == self.model.capture(run, amount, self.month)

    @rule(run=runs, amount=amounts, part=st.integers(0, 9))
    def capture_part(self, run: str, amount: int, part: int) -> None:
        part_id = f"part_{part}"
        answer = self.told(ops.capture_part(run, *self.owners[run], amount, part_id, self.at_ms))
        assert _shown(answer) == self.model.capture_part(run, f"capture:{part_id}", amount, self.month)

    @rule(run=runs)
    def void(self, run: str) -> None:
        assert self.told(ops.void(run, *self.owners[run])) == self.model.void(run)

    @rule(payer=accounts, payee=accounts | st.sampled_from(["revenue", "nobody"]), amount=amounts)
    def transfer(self, payer: str, payee: str, amount: int) -> None:
        if payer != payee:
            self.post(self.new("transfer"), payer, payee, amount)

    @rule(account=accounts, amount=amounts, event=st.integers(0, 9))
    def fund(self, account: str, amount: int, event: int) -> None:
        answer = self.told(ops.credit(account, amount, "stripe", f"evt_{event}", self.at_ms))
        assert answer == self.model.post(f"credit:stripe:evt_{event}", "funding", account, amount)

    @rule(run=runs, account=accounts, amount=amounts)
    def whole_or_not_at_all(self, run: str, account: str, amount: int) -> None:
        """A capture beside a transfer that is refused leaves the hold as it was."""
        both = (
            ops.capture(run, *self.owners[run], amount, self.at_ms),
            ops.post(self.new("transfer"), account, "nobody", 0, "x", "", self.at_ms),
        )
        assert self.told(*both) == ("no_account" if run in self.model.holds else "no_hold")

    @rule()
    def next_month(self) -> None:
        self.at_ms += MONTH_MS

    def post(self, name: str, debit: str, credit: str, amount: int) -> None:
        answer = self.told(ops.post(name, debit, credit, amount, "x", "", self.at_ms))
        assert answer == self.model.post(name, debit, credit, amount)

    @invariant()
    def books_balance(self) -> None:
        sums = Counter[str]()
        for row in self.rows.table("transfer"):
            sums[row["credit"]] += row["amount"]
            sums[row["debit"]] -= row["amount"]
        holds = Counter[str]()
        for row in self.rows.table("hold"):
            holds[row["account_id"]] += row["amount"] - row["captured"]
            holds[row["key_id"]] += row["amount"] - row["captured"]
        assert sums.total() == 0
        accounts = {row["id"]: row for row in self.rows.table("account")}
        assert accounts.keys() == self.model.posted.keys()
        for name, row in accounts.items():
            assert row["posted"] == sums[name] == self.model.posted[name]
            assert row["held"] == holds[name] == self.model.held(name)
            assert 0 <= row["held"] <= row["posted"]
        for row in self.rows.table("api_key"):
            key = self.model.keys[row["id"]]
            assert row["held_nano"] == holds[row["id"]] == key.held
            assert (row["month"], row["spent_nano"]) == (key.month, key.spent)
        for name, balance in self.model.system.items():
            assert sums[name] == balance


def test_the_ledger_does_what_its_model_does() -> None:
    run_state_machine_as_test(LedgerMachine, settings=settings(max_examples=100, stateful_step_count=50))


def test_the_ledger_on_the_real_store_does_what_its_model_does(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    class StoreMachine(LedgerMachine):
        """Each example is a new database; what is told is awaited, what is written is audited."""

        def begin(self) -> None:
            self.runner = asyncio.Runner()
            self.place = opened(tmp_path_factory.mktemp("ledger"))
            self.bank: Bank = self.runner.run(self.place.__aenter__())

        def commit(self, *operations: Op) -> Any:
            async def visible() -> Any:
                return await self.bank.store.submit(*operations).visible

            return self.runner.run(visible())

        def books_balance(self) -> None:
            """At the end, from the disk."""

        def teardown(self) -> None:
            self.runner.run(self._audited())
            self.runner.run(self.place.__aexit__(None, None, None))
            self.runner.close()

        async def _audited(self) -> None:
            await self.bank.store.commit()
            result = await self.bank.audited()
            for account in await self.bank.accounts.list():
                assert account.posted_nano_usd == self.model.posted[account.id]
                assert account.held_nano_usd == self.model.held(account.id)
            for key in await self.bank.keys.list():
                known = self.model.keys[key.id]
                assert (key.month, key.spent_nano_usd, key.held_nano_usd) == (
                    known.month,
                    known.spent,
                    known.held,
                )
            assert result.balances.get("revenue", 0) == self.model.system["revenue"]

    run_state_machine_as_test(StoreMachine, settings=settings(max_examples=10, stateful_step_count=50))


def _shown(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer
    return answer.charged_nano_usd, answer.available_nano_usd


def _put_account(name: str, at_ms: int) -> Op:
    key = account_key(name)

    def fold(rows: Rows) -> None:
        rows.put(key, ops.account_row(name, "account", name, "", at_ms))

    return Op((), fold, fresh=(key,))


def _put_key(name: str, account: str, budget: int | None, at_ms: int) -> Op:
    key = api_key_key(name)
    limits = KeyLimits(monthly_budget_nano_usd=budget)
    month = month_of(at_ms)
    info = KeyInfo(name, account, "key", "", name, limits, month, 0, 0, at_ms, None)

    def fold(rows: Rows) -> None:
        rows.put(key, key_row(info, name.encode(), 0))

    return Op((), fold, fresh=(key,))


def _revoke(name: str) -> Op:
    key = api_key_key(name)

    def fold(rows: Rows) -> None:
        row = rows.get(key)
        assert row is not None
        rows.put(key, {**row, "revoked_at_ms": 1})

    return Op((key,), fold)
