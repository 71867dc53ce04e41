"""``python -m tests.fake_sglang PORT [--embedding] [--tick-s SECONDS] [--running N] [--queue N]``."""

import argparse
import asyncio

from tests.fake_sglang.kind import Kind
from tests.fake_sglang.server import serving


async def serve(kind: Kind, port: int) -> None:
    async with serving(kind, port=port) as fake:
        print(f"{kind.model} at {fake.url}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    kind = Kind()
    parser = argparse.ArgumentParser(description="A server shaped like SGLang.")
    parser.add_argument("port", type=int)
    parser.add_argument("--embedding", action="store_true")
    parser.add_argument("--tick-s", type=float, default=kind.tick_s)
    parser.add_argument("--running", type=int, default=kind.running_max)
    parser.add_argument("--queue", type=int, default=kind.queue_max)
    args = parser.parse_args()
    kind = Kind(
        embedding=args.embedding, tick_s=args.tick_s, running_max=args.running, queue_max=args.queue
    )
    asyncio.run(serve(kind, args.port))


if __name__ == "__main__":
    main()
