"""The rerank tool: a query and documents in, the documents in order of relevance out."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog
from runtime.engine import Modality, Scores
from runtime.pool import Engines
from settlement.evidence.hashes import rerank_response_hash
from tools.at_once import AtOnce
from tools.core import Annotations, Call, Ran, Result, Tool
from tools.engine_run import engine_run

MAX_DOCUMENTS = 1024
_EXTRA_TOKENS = 8  # the markers that a tokenizer adds around one text


class RerankInput(BaseModel):
    """Arguments of one rerank call, as Cohere, Jina and SGLang name them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Rerank model id.")
    query: str = Field(min_length=1, description="What is looked for.")
    documents: list[Annotated[str, Field(min_length=1)]] = Field(
        min_length=1,
        max_length=MAX_DOCUMENTS,
        description=f"1 to {MAX_DOCUMENTS} non-empty texts, or objects with a text each.",
    )
    top_n: int | None = Field(None, ge=1, description="How many of the best to return; by default all.")
    return_documents: bool = Field(False, description="Whether each result repeats its document.")
    user: str | None = Field(None, description="Accepted, without effect.")

    @field_validator("documents", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return [_text(item) for item in value] if isinstance(value, list) else value


class RankedDocument(BaseModel):
    text: str


class Ranked(BaseModel):
    index: int = Field(description="Where the document stood in the request, from 0.")
    relevance_score: float = Field(description="Higher is better; the scale is the model's own.")
    document: RankedDocument | None = None


class RerankUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class RerankOutput(BaseModel):
    """The documents, the most relevant first."""

    id: str
    object: Literal["rerank"]
    model: str
    results: list[Ranked]
    usage: RerankUsage


@dataclass(frozen=True, slots=True)
class Rerank:
    """Builds the rerank tool over the engines and the catalog."""

    catalog: Catalog
    engines: Engines
    default_model: str

    def tool(self) -> Tool[RerankInput]:
        return Tool(
            name="rerank",
            title="Rerank",
            description=(
                "Put documents in the order in which they answer a query, the best first. "
                "Paid per input token."
            ),
            Input=RerankInput,
            Output=RerankOutput,
            run=self._run,
            quote=self._quote,
            modality=Modality.RERANK,
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=(
                {
                    "model": self.default_model,
                    "query": "How is a call paid?",
                    "documents": ["The sky is blue.", "Calls are paid in USDC."],
                },
            ),
            available=lambda: self.engines.serves(Modality.RERANK),
        )

    def _quote(self, args: RerankInput) -> Quote:
        model = self.catalog.resolve(args.model, Modality.RERANK)
        texts = [args.query, *args.documents]
        # an engine may read the query again beside each document
        bound = sum(len(text.encode()) + _EXTRA_TOKENS for text in texts)
        bound += (len(args.query.encode()) + _EXTRA_TOKENS) * (len(args.documents) - 1)
        return Quote(args.model, model.card, Usage(input_tokens=bound))

    def _run(self, args: RerankInput, call: Call) -> AtOnce[Scores]:
        model = self.catalog.resolve(args.model, Modality.RERANK)
        body = {"query": args.query, "documents": args.documents}
        run = engine_run(self.engines, call, Modality.RERANK, model.engine_model, body)
        rerank_id = "rerank_" + call.run_id.removeprefix("run_")
        return AtOnce(run, Scores(()), partial(_result, args, rerank_id))


def _result(args: RerankInput, rerank_id: str, scores: Scores, usage: Usage, ran: Ran | None) -> Result:
    best = sorted(enumerate(scores.data), key=lambda scored: -scored[1])[: args.top_n]
    results = [_ranked(args, index, score) for index, score in best]
    output = {
        "id": rerank_id,
        "object": "rerank",
        "model": args.model,
        "results": results,
        "usage": {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens},
    }
    return Result(output, usage, rerank_response_hash(results), ran)


def _ranked(args: RerankInput, index: int, score: float) -> dict[str, Any]:
    ranked: dict[str, Any] = {"index": index, "relevance_score": score}
    if args.return_documents:
        ranked["document"] = {"text": args.documents[index]}
    return ranked


def _text(item: Any) -> Any:
    """Cohere and Jina take ``{"text": ...}`` for a document, too."""
    return item["text"] if isinstance(item, dict) and set(item) == {"text"} else item
