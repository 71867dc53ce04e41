"""Many documents through batches: shards of JSON lines, priority tiers, results by signed callbacks.

Needs: pip install openai, BATCHIN_API_KEY, and CALLBACK_URL, the address under which the server reaches
port CALLBACK_PORT of this machine. Run it with the number of documents:
python cookbook_batch_pipeline.py 1000000
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice

from openai import InvalidWebhookSignatureError, OpenAI

SHARD = 50_000  # tasks in one file
TIERS = {"contract": "high", "article": "low", "archive": "fill"}  # what is waited for goes first

client = OpenAI(base_url="http://127.0.0.1:8402/v1", api_key=os.environ["BATCHIN_API_KEY"])
secret = client.post("/webhooks/secret", cast_to=dict)["secret"]
ended: queue.Queue[str] = queue.Queue()  # ids of batches


def documents(kind: str, count: int) -> Iterator[tuple[str, str]]:
    """Yours come from a database; they are read as they are needed, never all at once."""
    for number in range(count):
        yield f"{kind}-{number}", f"{kind} number {number} about batch inference"


def shards(kind: str, count: int) -> Iterator[bytes]:
    """Files of JSON lines, one task a line; a custom_id leads from the result back to the document."""
    source = documents(kind, count)
    while part := list(islice(source, SHARD)):
        tasks = (
            {"custom_id": name, "model": "bge-m3", "request_body": {"input": text}}
            for name, text in part
        )
        yield b"".join(json.dumps(task).encode() + b"\n" for task in tasks)


def submit(kind: str, number: int, lines: bytes) -> str:
    """One shard as a batch; the SDK's own retries of a request make no second one."""
    upload = client.files.create(file=(f"{kind}-{number}.jsonl", lines), purpose="batch")
    batch = client.batches.create(
        input_file_id=upload.id,
        endpoint="/v1/embeddings",
        completion_window="24h",
        metadata={"shard": f"{kind}/{number}"},
        extra_body={"priority": TIERS[kind], "webhook_url": os.environ["CALLBACK_URL"]},
        extra_headers={"Idempotency-Key": upload.id},
    )
    return batch.id


class Callback(BaseHTTPRequestHandler):
    """Takes what the server tells: only what is signed, and answers at once."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = client.webhooks.unwrap(body, dict(self.headers.items()), secret=secret)
        except (InvalidWebhookSignatureError, ValueError):
            self.send_response(400)
        else:
            if event.type.startswith("batch."):
                ended.put(str(event.data.to_dict()["id"]))
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def ingest(batch_id: str) -> int:
    """Read the results of a batch line by line; returns how many there were."""
    batch = client.batches.retrieve(batch_id)
    if batch.error_file_id:
        print("failed:", client.files.content(batch.error_file_id).text, file=sys.stderr)
    done = 0
    if batch.output_file_id:
        with client.files.with_streaming_response.content(batch.output_file_id) as output:
            for line in output.iter_lines():
                result = json.loads(line)
                vector = result["response"]["body"]["data"][0]["embedding"]
                assert vector, result["custom_id"]  # yours go into an index here
                done += 1
    print(batch.metadata, batch.status, done, "documents")
    return done


total = int(sys.argv[1])
server = HTTPServer(("", int(os.environ["CALLBACK_PORT"])), Callback)
threading.Thread(target=server.serve_forever, daemon=True).start()
open_batches = set()
for kind, share in (("contract", 0.1), ("article", 0.6), ("archive", 0.3)):
    for number, lines in enumerate(shards(kind, round(total * share))):
        open_batches.add(submit(kind, number, lines))
print("submitted:", len(open_batches), "batches")
done = 0
while open_batches:
    batch_id = ended.get(timeout=24 * 3600)
    if batch_id in open_batches:  # an event may come twice
        open_batches.remove(batch_id)
        done += ingest(batch_id)
print("documents:", done)
