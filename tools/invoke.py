"""The one path that every call takes: validate, quote, admit, authorize, run, capture.

No route reaches an engine except through here, so an unmetered call can't be written.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

import orjson
from pydantic import BaseModel

from base.clock import Clock
from base.errors import (
    BatchinError,
    ChargeUnconfirmed,
    DeadlineExceeded,
    EngineError,
    InternalError,
    NotFound,
)
from base.pricing import Quote, Rate
from base.usage import Usage
from settlement.evidence.hashes import request_hash
from settlement.evidence.salting import Salts
from settlement.ledger.ids import wallet_account_id
from settlement.promises import no_promises
from settlement.rail import (
    Also,
    Delivery,
    Grant,
    Order,
    Outcome,
    Rail,
    Replay,
    RunStatus,
    Served,
    Settled,
    Upfront,
    nothing,
)
from tools.arguments import parse
from tools.core import AnyTool, Call, Execution, Registry, Result
from tools.immediate import NOWHERE
from tools.observe import CallReport, Course, Marks, Observer
from tools.owner import Owner
from tools.prompts.binding import Binder, Bound
from tools.scopes import check_scopes

Keep = Callable[[bytes], Awaitable[None]]
Promised = Callable[[str, Quote], Quote]
_CUTS: Final = (DeadlineExceeded, EngineError)
_CUT: Final = "What was delivered is charged, and recorded as partial. Ask again for a whole answer."
_CUT_FREE: Final = (
    "What was delivered is recorded as partial and costs nothing, for the engine did not tell what it "
    "used. Ask again for a whole answer."
)
_log: Final = logging.getLogger("batchin.invoke")


@dataclass(frozen=True, slots=True)
class Done:
    """A finished call. ``output`` fits the tool's Output model and ``body`` is its JSON;
    ``settled`` is None for a free tool."""

    call: Call
    tool: AnyTool
    output: Mapping[str, Any]
    body: bytes
    served: Served
    usage: Usage
    status: RunStatus
    settled: Settled | None

    @property
    def run_id(self) -> str:
        return self.call.run_id


@dataclass(frozen=True, slots=True)
class Invoker:
    """Runs tools for callers. ``owner`` outlives requests and ends the captures of those that left.
    ``rate`` is the part of the price that its calls pay, None for all of it. ``capture_s`` is how long
    a caller waits for the end of its call to be settled and durable, None for as long as it takes.
    ``promised`` puts a call's quote at the prices of the signed quote that it names. ``salts`` makes the
    salts of callers who ask for salted hashes; None where nobody can. ``binder`` binds calls to the
    prompts that they name; None where they can name none."""

    registry: Registry
    rail: Rail
    clock: Clock
    observer: Observer
    owner: Owner
    rate: Rate | None = None
    capture_s: float | None = None
    promised: Promised = no_promises
    salts: Salts | None = None
    binder: Binder | None = None

    def open(self, name: str, arguments: Mapping[str, Any], call: Call) -> "Run":
        """Start a call: ``async with invoker.open(...) as run``.

        Entering returns when the engine gave its first answer, so that all that can be refused was
        refused. Leaving early aborts the engine; a stream is charged for what was delivered, anything
        else for nothing. Raises BatchinError subclasses on entering, iterating and ``done``.
        """
        return Run(name, arguments, call, self)

    async def invoke(self, name: str, arguments: Mapping[str, Any], call: Call) -> Done:
        """A call from start to end."""
        async with self.open(name, arguments, call) as run:
            await run.to_end()
            return await run.done()


class Run:
    """One call in progress: iterate its stream events, then take ``done``."""

    def __init__(self, name: str, arguments: Mapping[str, Any], call: Call, invoker: Invoker) -> None:
        self._name = name
        self._arguments = arguments
        self._call = call
        self._invoker = invoker
        self._execution: Execution | None = None
        self._grant: Grant | None = None
        self._bound: Bound | None = None
        self._replay: Replay | None = None
        self._quote: Quote | None = None
        self._request_hash = ""
        self._shown = 0
        self._used_tokens = 0
        self._ending: asyncio.Task[Done | None] | None = None
        self._marks = Marks(invoker.clock.now_ms(), invoker.clock.monotonic_s())
        self.served = NOWHERE

    @property
    def call(self) -> Call:
        """The call, under the id of the run that its answer is of: an earlier one's if stored."""
        if self._replay is None:
            return self._call
        signed = self._replay.settled.evidence["payload"]
        version = signed.get("prompt_version_id", self._call.prompt_version)
        return replace(self._call, run_id=self._replay.run_id, prompt_version=version)

    @property
    def run_id(self) -> str:
        return self.call.run_id

    @property
    def upfront(self) -> Upfront | None:
        """The settlement of a payment that was taken before the run, or before this answer was asked."""
        if self._replay is None:
            return self._grant.upfront if self._grant else None
        settled = self._replay.settled
        if settled.settlement is None:
            return None
        return Upfront(settled.settlement, settled.access_token)

    @property
    def paid(self) -> bool:
        """Whether the call is authorized, or was before."""
        return self._grant is not None or self._replay is not None

    @property
    def replayed(self) -> bool:
        """Whether the answer is the stored one of an earlier, identical payment."""
        return self._replay is not None

    async def __aenter__(self) -> Self:
        left_s = self._call.deadline_s - self._invoker.clock.monotonic_s()
        self._timeout = asyncio.timeout(left_s)
        await self._timeout.__aenter__()
        try:
            await self._begin()
        except BaseException as error:
            await self._leave(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave(kind, error, traceback)

    async def __aiter__(self) -> AsyncIterator[Any]:
        if self._replay is not None or self._execution is None:
            return
        try:
            async for event in self._execution.events():
                self._shown += 1
                yield event
        except EngineError as error:
            if self._delivered_before(error):
                error.resolution = await self._cut_costs()
            raise

    async def to_end(self) -> None:
        """Let it run to its end without looking at what comes."""
        whole = self._call.delivery is Delivery.WHOLE
        events = self._execution.events() if whole and self._execution and not self._replay else self
        async for _ in events:
            pass

    async def done(self, keep: Keep | None = None) -> Done:
        """Capture the finished call: charged, recorded and settled durably when this returns.

        ``keep`` is given the output before anything is charged, to keep what must not be lost. Leaving
        raises ChargeUnconfirmed when that takes longer than ``capture_s``: the charge goes on by itself,
        whole or not at all, and the answer is withheld.
        """
        patience_s = self._invoker.capture_s
        at_s = None if patience_s is None else asyncio.get_running_loop().time() + patience_s
        self._timeout.reschedule(at_s)
        self._ending = self._end(self._complete(keep))
        done = await asyncio.shield(self._ending)
        if done is None:
            raise InternalError("The call ended without a result.")
        return done

    async def _begin(self) -> None:
        tool = self._invoker.registry.get(self._name)
        if tool is None:
            raise NotFound(f"There is no tool named {self._name!r}.", param="name")
        self._tool = tool
        args = parse(tool.Input, await self._under_prompt(tool))
        if tool.prepare is not None:
            args = await tool.prepare(args, self._call)
        self._quote = await quoted(tool, args)
        if self._quote is not None and self._invoker.rate is not None:
            self._quote = self._quote.at_rate(self._invoker.rate)
        if self._quote is not None and self._call.promise is not None:
            self._quote = self._invoker.promised(self._call.promise, self._quote)
        self._admit(self._quote)
        self._execution = tool.run(args, self._call)
        self._execution.reserve()
        clock, marks = self._invoker.clock, self._marks
        marks.admitted_s = clock.monotonic_s()
        if self._quote is not None:
            await self._authorize(self._quote)
        marks.held_s = clock.monotonic_s()
        if self._replay is None:
            self.served = await self._execution.start()
            marks.first_s = clock.monotonic_s()

    async def _under_prompt(self, tool: AnyTool) -> Mapping[str, Any]:
        """The arguments with the messages of the prompt that they name."""
        binder, arguments = self._invoker.binder, self._arguments
        if binder is None or not isinstance(arguments.get("prompt"), dict):
            return arguments
        self._bound = await binder(tool.name, arguments, self._call)
        self._call = self._bound.call
        return self._bound.arguments

    def _admit(self, quote: Quote | None) -> None:
        check_scopes(self._call, self._tool.name, quote.named_model if quote else None)
        if self._call.quota is not None:
            self._call.quota.admit(quote.bound.total_tokens if quote else 0)

    async def _authorize(self, quote: Quote) -> None:
        self._request_hash = request_hash(self._arguments)
        order = Order(
            run_id=self._call.run_id,
            tool=self._tool.name,
            caller=self._call.caller,
            payment=self._call.payment,
            resource=self._call.resource,
            request_hash=self._request_hash,
            quote=quote,
            delivery=self._call.delivery,
            idempotency_key=self._call.idempotency_key,
        )
        answer = await self._invoker.rail.authorize(order)
        if isinstance(answer, Replay):
            self._replay = answer
            self.served = _served_of(answer.settled.evidence)
        else:
            self._grant = answer

    def _end(self, ending: Coroutine[Any, Any, Done | None]) -> "asyncio.Task[Done | None]":
        """Let the call end whoever waits for it; what it reserved of its quota returns then."""
        task = self._invoker.owner.start(ending)
        quota = self._call.quota
        if quota is not None:
            task.add_done_callback(lambda _: quota.release(self._used_tokens))
        return task

    async def _complete(self, keep: Keep | None) -> Done:
        execution = self._execution
        if execution is None:
            raise InternalError("done() needs an entered run")
        try:
            await execution.close()
            if self._replay is not None:
                return self._stored(self._replay)
            result = execution.result()
            body = orjson.dumps(result.output)
            if keep is not None:
                await keep(body)
        except Exception as error:
            await self._give_back(_code(error))
            raise
        settled = None
        if self._grant is not None and self._quote is not None:
            outcome = self._outcome(self._quote, result, RunStatus.COMPLETED, body)
            settled = await self._capture(self._grant, outcome)
        self._report("completed", result.usage, settled)
        return Done(
            self._call,
            self._tool,
            result.output,
            body,
            self.served,
            result.usage,
            RunStatus.COMPLETED,
            settled,
        )

    async def _give_back(self, code: str) -> None:
        """End a call unpaid; exactly once, and never after a capture began."""
        self._marks.ran_s = self._invoker.clock.monotonic_s()
        if self._grant is not None:
            await self._grant.release()
        self._report(code, Usage(), None)

    async def _capture(self, grant: Grant, outcome: Outcome) -> Settled:
        self._marks.ran_s = self._invoker.clock.monotonic_s()
        try:
            settled = await grant.capture(outcome)
        except BatchinError as error:
            self._report(error.code, outcome.usage, None)
            raise
        return replace(settled, salt=outcome.salt.hex()) if outcome.salt else settled

    def _stored(self, replay: Replay) -> Done:
        self._report("replayed", Usage(), None)
        output = orjson.loads(replay.result)
        settled, salts = replay.settled, self._invoker.salts
        if salts is not None:
            settled = replace(settled, salt=salts.told(settled.evidence))
        return Done(
            self.call,
            self._tool,
            output,
            replay.result,
            self.served,
            Usage(),
            RunStatus.COMPLETED,
            settled,
        )

    async def _leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        expired = False
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            expired = True
        if self._ending is None:
            late = DeadlineExceeded("The call took longer than its time limit.") if expired else None
            self._ending = self._end(self._abandon(late or error))
            ended, _ = await asyncio.wait((self._ending,), timeout=self._invoker.capture_s)
            for task in ended:
                task.result()
            if late is not None:
                raise late from None
        elif expired:
            _log.error("the charge of %s is not durable in time", self._call.run_id)
            raise ChargeUnconfirmed from None

    async def _abandon(self, reason: BaseException | None) -> None:
        """End a call that will not be completed: abort, then charge what a cut stream delivered."""
        code = reason.code if isinstance(reason, BatchinError) else "cancelled"
        try:
            partial = await self._partial(reason)
        except Exception as error:
            await self._give_back(_code(error))
            raise
        if partial is None or self._grant is None:
            await self._give_back(code)
            return
        settled = await self._capture(self._grant, partial)
        self._report(code, partial.usage, settled)

    async def _partial(self, reason: BaseException | None) -> Outcome | None:
        """What a cut stream delivered; None where nothing is charged."""
        if self._execution is None:
            return None
        await self._execution.close()
        if self._grant is None or self._quote is None or not self._delivered_before(reason):
            return None
        result = self._execution.result()
        return self._outcome(self._quote, result, RunStatus.PARTIAL, orjson.dumps(result.output))

    async def _cut_costs(self) -> str:
        """What a caller is told of the charge of a stream that its engine broke off."""
        if self._execution is None:
            return EngineError.resolution
        await self._execution.close()
        return _CUT if self._execution.result().usage != Usage() else _CUT_FREE

    def _delivered_before(self, reason: BaseException | None) -> bool:
        """A stream that was cut is charged: by its caller, the deadline, or an engine that broke off. Of
        what is kept, only what its caller stopped: all else is made anew."""
        if self._call.delivery is Delivery.WHOLE or not self._shown:
            return False
        if not isinstance(reason, BatchinError):
            return True
        return self._call.delivery is Delivery.STREAM and isinstance(reason, _CUTS)

    def _outcome(self, quote: Quote, result: Result, status: RunStatus, body: bytes) -> Outcome:
        if result.ran is not None:
            self.served = result.ran.served
        return Outcome(
            run_id=self._call.run_id,
            tool=self._tool.name,
            model=quote.model,
            served=self.served,
            energy=result.ran.energy if result.ran else None,
            usage=result.usage,
            quote=quote,
            status=status,
            request_hash=result.request_hash or self._request_hash,
            response_hash=result.response_hash,
            trace_id=self._call.trace.trace_id,
            prompt_version=self._call.prompt_version,
            started_at_ms=self._marks.started_ms,
            ended_at_ms=self._invoker.clock.now_ms(),
            result=body,
            details=result.details,
            also=self._also(result) if status is RunStatus.COMPLETED else nothing,
            salt=self._salt(),
        )

    def _also(self, result: Result) -> Also:
        bound = self._bound
        if bound is None:
            return result.also
        return lambda account_id: (*result.also(account_id), *bound.also(account_id))

    def _salt(self) -> bytes:
        if not self._call.caller.salts_hashes:
            return b""
        if self._invoker.salts is None:
            raise InternalError("There is no secret to salt the hashes of this call with.")
        return self._invoker.salts.of(self._call.run_id)

    def _report(self, outcome: str, usage: Usage, settled: Settled | None) -> None:
        self._used_tokens = usage.total_tokens
        now_s = self._invoker.clock.monotonic_s()
        first_s = self._marks.first_s or now_s
        terms = self._grant.terms if self._grant else None
        self._invoker.observer.call_ended(
            CallReport(
                run_id=self._call.run_id,
                request_id=self._call.request_id,
                trace_id=self._call.trace.trace_id,
                tool=self._name,
                model=self._quote.model if self._quote else "",
                caller=self._call.caller.account_id or (terms.payer if terms else "anonymous"),
                rail=terms.rail if terms else "none",
                outcome=outcome,
                usage=usage,
                charged_nano_usd=settled.charged_nano_usd if settled else 0,
                first_ms=(first_s - self._marks.entered_s) * 1000,
                total_ms=(now_s - self._marks.entered_s) * 1000,
                course=self._course(settled, now_s),
            )
        )

    def _course(self, settled: Settled | None, now_s: float) -> Course | None:
        account_id = self._payer()
        if self._quote is None or account_id is None:
            return None
        upfront = self._grant.upfront if self._grant else None
        moved_s = settled.moved_s if settled else None
        return Course(
            trace=self._call.trace,
            account_id=account_id,
            served=self.served,
            prompt_version=self._call.prompt_version,
            streamed=self._call.delivery is Delivery.STREAM,
            marks=self._marks,
            ended_s=now_s,
            moved_s=upfront.moved_s if upfront else moved_s,
        )

    def _payer(self) -> str | None:
        """The account that the call is of: the payer's wallet, else the caller's."""
        terms = self._grant.terms if self._grant else None
        if terms is not None and terms.network:
            return wallet_account_id(terms.network, terms.payer)
        return self._call.caller.account_id


def _code(error: Exception) -> str:
    return error.code if isinstance(error, BatchinError) else InternalError.code


def _served_of(evidence: Mapping[str, Any]) -> Served:
    """What a stored answer came from, as its signed record names it."""
    payload = evidence["payload"]
    return Served(
        payload["served_model"],
        payload["served_revision"],
        payload["engine"],
        payload["engine_version"],
    )


async def quoted(tool: AnyTool, args: BaseModel) -> Quote | None:
    """What a call of a tool may cost, None when it is free. Raises what ``Tool.quote`` does."""
    if tool.quote is None:
        return None
    quote = tool.quote(args)
    return quote if isinstance(quote, Quote) else await quote
