"""The OpenAI SDK with an API key: an answer, a stream, vectors.

Needs: pip install openai, and BATCHIN_API_KEY.
"""

import os

from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8402/v1", api_key=os.environ["BATCHIN_API_KEY"])

raw = client.chat.completions.with_raw_response.create(
    model="qwen3-32b",
    messages=[{"role": "user", "content": "What is the capital of France?"}],
    max_tokens=32,
)
print("answer:", raw.parse().choices[0].message.content)
print("record:", raw.headers["X-VaaS-Record-Id"])

stream = client.chat.completions.create(
    model="qwen3-32b",
    messages=[{"role": "user", "content": "Write a haiku about latency"}],
    max_tokens=48,
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

vectors = client.embeddings.create(
    model="bge-m3", input=["batch inference", "retrieval augmented generation"]
)
print("vectors:", len(vectors.data), "dimensions:", len(vectors.data[0].embedding))
