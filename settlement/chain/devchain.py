"""The development chain as the server sees it: a child process that is kept running."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from base.child import Child, Program
from base.supervisor import Backoff, Supervisor
from settlement.chain import devnet

_READY_S: Final = 60.0


class DevChain:
    """``async with DevChain(folder) as chain``: an Ethereum JSON-RPC node on loopback.

    The chain lives in ``folder`` and outlives processes: the same folder is the same chain, with the
    same ``genesis`` and, when the port is free, the same ``rpc_url``. It is restarted when it dies.
    Entering raises ChildFailed when it does not start.
    """

    network: Final = devnet.NETWORK
    usdc: Final = devnet.USDC
    funder_key: Final = devnet.FUNDER_KEY

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        program = Program(
            name="the development chain",
            module="settlement.chain.devnode.main",
            request={"folder": str(folder.resolve())},
            ready_s=_READY_S,
        )
        self.rpc_url = ""
        self.genesis = ""
        self._supervisor = Supervisor(program, Backoff(most_s=5.0), self._changed)

    @property
    def pid(self) -> int | None:
        """The node's process, None while it is being restarted."""
        child = self._supervisor.child
        return None if child is None else child.pid

    @property
    def restarts(self) -> int:
        return self._supervisor.restarts

    async def __aenter__(self) -> Self:
        await self._supervisor.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._supervisor.__aexit__(kind, error, traceback)

    async def up(self) -> None:
        """Wait until the node serves."""
        await self._supervisor.up()

    def _changed(self, child: Child | None) -> None:
        if child is not None:
            self.rpc_url = f"http://127.0.0.1:{child.facts['port']}"
            self.genesis = str(child.facts["genesis"])
