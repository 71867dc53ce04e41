"""Make a wallet that holds play money on the development chain of a running server.

Prints the private key, for WALLET_KEY of the other examples:

    export WALLET_KEY=$(.venv/bin/python examples/fund_dev_wallet.py --data-dir .data)

The development chain hands out money to whoever asks; it is worth nothing anywhere.
"""

import argparse
import asyncio
from pathlib import Path

from eth_account import Account

from server.admin import AdminClient
from settlement.chain.funding import fund

POCKET_ATOMIC = 5_000_000  # 5 USDC


async def main(data_dir: Path) -> None:
    info = await AdminClient(data_dir).info()
    wallet = Account.create()
    await fund(info["rpc_url"], wallet.address, POCKET_ATOMIC)
    print("0x" + wallet.key.hex().removeprefix("0x"))


parser = argparse.ArgumentParser(description="Make a wallet with play money.")
parser.add_argument("--data-dir", type=Path, required=True, help="the server's data folder")
asyncio.run(main(parser.parse_args().data_dir))
