"""``python -m benchmarks.batch [TASKS]``: a batch of so many tasks on an engine that answers at once.

Every task is a call of its own over HTTP to the engine: charged, counted and signed in one durable
commit. Beside the tasks a second, the server's memory is told as the batch goes on.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import orjson
import uvloop

from benchmarks.instant_engine import MODEL
from benchmarks.subjects import API_KEY, Subject, instant_engine, server

TASKS: Final = 20_000
RUNNING: Final = 256
LOOK_S: Final = 1.0
CHUNKS: Final = 3


def lines(tasks: int) -> Iterator[bytes]:
    """The input, a mebibyte at a time."""
    part = bytearray()
    for number in range(tasks):
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": f"Summarize document {number} in one sentence."}],
            "max_tokens": 8,
        }
        task = {"custom_id": f"doc-{number}", "url": "/v1/chat/completions", "body": body}
        part += orjson.dumps(task) + b"\n"
        if len(part) > 1 << 20:
            yield bytes(part)
            part.clear()
    yield bytes(part)


async def submitted(http: httpx2.AsyncClient, folder: Path, tasks: int) -> str:
    path = folder / "in.jsonl"
    with path.open("wb") as file:
        for part in lines(tasks):
            file.write(part)
    with path.open("rb") as file:
        made = await http.post("/files", files={"file": file}, data={"purpose": "batch"})
    made.raise_for_status()
    asked = {
        "input_file_id": made.json()["id"],
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    answer = await http.post("/batches", json=asked)
    answer.raise_for_status()
    return str(answer.json()["id"])


async def measured(http: httpx2.AsyncClient, subject: Subject, batch_id: str) -> None:
    """Follow the batch to its end, a line for each tenth of it."""
    began_s, cpu_s, told = time.monotonic(), subject.cpu_s(), -1
    started_s = ended_s = 0.0
    while True:
        batch: dict[str, Any] = (await http.get(f"/batches/{batch_id}")).json()
        now_s = time.monotonic() - began_s
        counts = batch["request_counts"]
        if batch["status"] != "validating" and not started_s:
            started_s, cpu_s = now_s, subject.cpu_s()
            print(f"looked through after {now_s:.1f} s")
        if batch["status"] == "finalizing" and not ended_s:
            ended_s = now_s
        tenth = counts["completed"] * 10 // max(1, counts["total"])
        if tenth > told and counts["total"]:
            told = tenth
            rate = counts["completed"] / max(0.001, now_s - started_s)
            print(
                f"{counts['completed']:>9,} tasks  {rate:>6,.0f}/s  {subject.memory_mb():.0f} MB",
                flush=True,
            )
        if batch["status"] in ("completed", "failed"):
            break
        await asyncio.sleep(LOOK_S if counts["total"] > TASKS else LOOK_S / 10)
    run_s = (ended_s or now_s) - started_s
    each_us = (subject.cpu_s() - cpu_s) / counts["total"] * 1e6
    print(
        f"{batch['status']}: {counts['completed']:,} completed, {counts['failed']} failed; "
        f"{counts['completed'] / run_s:,.0f} tasks/s, {each_us:.0f} us of CPU a task; "
        f"written after {now_s - started_s - run_s:.1f} s more; root {batch['records']['root'][:23]}..."
    )


async def main(tasks: int) -> None:
    with tempfile.TemporaryDirectory() as folder, instant_engine(CHUNKS) as engine:
        async with (
            server(Path(folder) / "data", engine, RUNNING, RUNNING, batch_running=RUNNING) as subject,
            httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{subject.port}/v1",
                headers={"Authorization": f"Bearer {API_KEY}"},
                timeout=600,
            ) as http,
        ):
            print(f"{tasks:,} tasks, {RUNNING} at once; {subject.memory_mb():.0f} MB before")
            await measured(http, subject, await submitted(http, Path(folder), tasks))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TASKS))
