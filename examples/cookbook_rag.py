"""Retrieval augmented generation: embed, retrieve, rerank, answer, watch it, and roll a prompt back.

Needs: pip install openai, and BATCHIN_API_KEY.
"""

import os

from openai import OpenAI

DOCUMENTS = [
    "A batch task runs when an engine has time and costs half the price of a direct call.",
    "Receipts are signed with Ed25519 and can be checked without asking the server.",
    "An x402 payment is a signed transfer of USDC that pays for one call.",
    "A stream that its reader leaves is charged for what was generated.",
    "Reranking puts the passages that answer a question before those that only resemble it.",
]
# each version of the prompt has a name; evidence and traces are bound to it
PROMPTS = {
    "rag@v1": "Answer from these passages alone:\n{passages}\n\nQuestion: {question}",
    "rag@v2": "You answer in one sentence. Passages:\n{passages}\n\nQuestion: {question}\nAnswer:",
}
RANKER = "all-minilm-l6-v2-int8-cosine"
GOLDEN = {"What does a batch task cost?": "half", "How are receipts signed?": "ed25519"}

client = OpenAI(base_url="http://127.0.0.1:8402/v1", api_key=os.environ["BATCHIN_API_KEY"])


def vectors(texts: list[str]) -> list[list[float]]:
    return [item.embedding for item in client.embeddings.create(model="bge-m3", input=texts).data]


INDEX = list(zip(DOCUMENTS, vectors(DOCUMENTS), strict=True))


def retrieved(question: str, most: int = 4) -> list[str]:
    """The nearest documents; vectors have length 1, so the dot product is the cosine."""
    asked = vectors([question])[0]
    nearest = sorted(INDEX, key=lambda entry: -sum(a * b for a, b in zip(asked, entry[1], strict=True)))
    return [text for text, _ in nearest[:most]]


def reranked(question: str, texts: list[str], most: int = 2) -> list[str]:
    body = {"model": RANKER, "query": question, "documents": texts, "top_n": most}
    ranked = client.post("/rerank", body=body, cast_to=dict)
    return [texts[result["index"]] for result in ranked["results"]]


def answered(question: str, version: str) -> tuple[str, str]:
    """The answer by a version of the prompt, and the run that made it."""
    passages = "\n".join(f"- {text}" for text in reranked(question, retrieved(question)))
    prompt = PROMPTS[version].format(passages=passages, question=question)
    raw = client.chat.completions.with_raw_response.create(
        model="qwen3-32b",
        messages=[{"role": "user", "content": prompt}],
        max_tokens=48,
        temperature=0,
        extra_headers={"X-BatchIn-Prompt": version},
    )
    return raw.parse().choices[0].message.content or "", raw.headers["X-BatchIn-Run-Id"]


def score(version: str) -> float:
    """Which part of the golden questions it answers; what it costs and where it is on record."""
    right = 0
    for question, word in GOLDEN.items():
        text, run_id = answered(question, version)
        [logged] = client.get(f"/usage/logs?run_id={run_id}", cast_to=list)
        right += word in text.lower()
        tokens = f"{logged['input_tokens']} + {logged['output_tokens']} tokens"
        print(version, run_id, tokens, logged["cost_usd"], "USD")
    return right / len(GOLDEN)


live, candidate = "rag@v1", "rag@v2"
scores = {version: score(version) for version in (live, candidate)}
print("scores:", scores)
if scores[candidate] > scores[live]:  # one that is no better is rolled back
    live = candidate
text, run_id = answered("What does a batch task cost?", live)
record = client.get(f"/vaas/{run_id}/evidence", cast_to=dict)
print("live:", live, "on record as", record["prompt_version_id"])
print("answer:", text)
