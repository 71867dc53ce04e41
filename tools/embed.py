"""The embed tool: texts in, vectors out."""

import base64
import struct
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from base.errors import InvalidRequest
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog
from runtime.engine import Modality, Vectors
from runtime.pool import Engines
from settlement.evidence.hashes import embeddings_response_hash
from tools.at_once import AtOnce
from tools.core import Annotations, Call, Ran, Result, Tool
from tools.engine_run import engine_run

MAX_INPUTS = 2048
_EXTRA_TOKENS = 8  # the markers that a tokenizer adds around one text


class EmbedInput(BaseModel):
    """Arguments of one embeddings call. ``user`` is accepted and has no effect."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Embedding model id.")
    input: Annotated[
        Annotated[str, Field(min_length=1), Tag("a text")]
        | Annotated[
            list[Annotated[str, Field(min_length=1)]],
            Field(min_length=1, max_length=MAX_INPUTS),
            Tag("a list"),
        ],
        Discriminator(lambda value: "a text" if isinstance(value, str) else "a list"),
    ] = Field(description=f"One text, or a list of 1 to {MAX_INPUTS} non-empty texts.")
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="Vectors as lists of numbers, or as base64 of little-endian float32."
    )
    dimensions: int | None = Field(None, description="Only the model's own number of dimensions.")
    user: str | None = Field(None, description="Accepted, without effect.")

    @field_validator("input", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("should be a text or a list of texts; token ids are not supported")
        return value

    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class Embedding(BaseModel):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbedUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbedOutput(BaseModel):
    """An OpenAI embeddings list."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbedUsage


@dataclass(frozen=True, slots=True)
class Embed:
    """Builds the embed tool over the engines and the catalog."""

    catalog: Catalog
    engines: Engines

    def tool(self) -> Tool[EmbedInput]:
        return Tool(
            name="embed",
            title="Embed",
            description=(
                "Turn texts into vectors whose cosine similarity tells how near they are in meaning. "
                "Paid per input token."
            ),
            Input=EmbedInput,
            Output=EmbedOutput,
            run=self._run,
            quote=self._quote,
            modality=Modality.EMBEDDING,
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=({"model": "bge-m3", "input": ["batch inference", "retrieval"]},),
            available=lambda: self.engines.serves(Modality.EMBEDDING),
        )

    def _quote(self, args: EmbedInput) -> Quote:
        model = self.catalog.resolve(args.model, Modality.EMBEDDING)
        if args.dimensions is not None and args.dimensions != model.dimensions:
            raise InvalidRequest(
                f"dimensions can't be honoured: {args.model} has {model.dimensions} dimensions.",
                param="dimensions",
                resolution=f"Leave dimensions out or send {model.dimensions}.",
            )
        texts = args.texts()
        bound = sum(len(text.encode()) for text in texts) + _EXTRA_TOKENS * len(texts)
        return Quote(args.model, model.card, Usage(input_tokens=bound))

    def _run(self, args: EmbedInput, call: Call) -> AtOnce[Vectors]:
        model = self.catalog.resolve(args.model, Modality.EMBEDDING)
        body = {"input": args.texts()}
        run = engine_run(self.engines, call, Modality.EMBEDDING, model.engine_model, body)
        return AtOnce(run, Vectors((), 0), partial(_result, args))


def _result(args: EmbedInput, vectors: Vectors, usage: Usage, ran: Ran | None) -> Result:
    encode = _base64 if args.encoding_format == "base64" else _floats
    output = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": encode(vector)}
            for index, vector in enumerate(vectors.data)
        ],
        "model": args.model,
        "usage": {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens},
    }
    return Result(output, usage, embeddings_response_hash(vectors.data), ran)


def _floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))


def _base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode()
