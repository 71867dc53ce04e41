"""The classify tool: texts in, the class of each and the probabilities of all classes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from base.clock import Clock
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog
from runtime.engine import Label, Labels, Modality
from runtime.pool import Engines
from settlement.evidence.hashes import classes_response_hash
from tools.at_once import AtOnce
from tools.core import Annotations, Call, Ran, Result, Tool
from tools.engine_run import engine_run

MAX_INPUTS = 1024
_EXTRA_TOKENS = 8  # the markers that a tokenizer adds around one text


class ClassifyInput(BaseModel):
    """Arguments of one classify call, as SGLang and vLLM name them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Id of a model that classifies.")
    input: Annotated[
        Annotated[str, Field(min_length=1), Tag("a text")]
        | Annotated[
            list[Annotated[str, Field(min_length=1)]],
            Field(min_length=1, max_length=MAX_INPUTS),
            Tag("a list"),
        ],
        Discriminator(lambda value: "a text" if isinstance(value, str) else "a list"),
    ] = Field(description=f"One text, or a list of 1 to {MAX_INPUTS} non-empty texts.")
    user: str | None = Field(None, description="Accepted, without effect.")

    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class Classified(BaseModel):
    index: int = Field(description="Where the text stood in the request, from 0.")
    label: str = Field(description="The most probable class, as the model names it.")
    probs: list[float] = Field(description="Of every class, in the model's own order; they sum to 1.")
    num_classes: int


class ClassifyUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class ClassifyOutput(BaseModel):
    """The classes in the order of the texts."""

    id: str
    object: Literal["list"]
    created: int = Field(description="Unix time in seconds.")
    model: str
    data: list[Classified]
    usage: ClassifyUsage


@dataclass(frozen=True, slots=True)
class Classify:
    """Builds the classify tool over the engines and the catalog."""

    catalog: Catalog
    engines: Engines
    clock: Clock
    default_model: str

    def tool(self) -> Tool[ClassifyInput]:
        return Tool(
            name="classify",
            title="Classify",
            description=(
                "Tell which of a model's classes each text belongs to, with the probability of every "
                "class. Paid per input token."
            ),
            Input=ClassifyInput,
            Output=ClassifyOutput,
            run=self.run,
            quote=self.quote,
            modality=Modality.CLASSIFY,
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=(
                {"model": self.default_model, "input": ["Thank you, that helped.", "Still broken."]},
            ),
            available=lambda: self.engines.serves(Modality.CLASSIFY),
        )

    def quote(self, args: ClassifyInput) -> Quote:
        """The most that a call of these arguments may cost. Raises as Tool.quote does."""
        model = self.catalog.resolve(args.model, Modality.CLASSIFY)
        bound = sum(len(text.encode()) + _EXTRA_TOKENS for text in args.texts())
        return Quote(args.model, model.card, Usage(input_tokens=bound))

    def run(self, args: ClassifyInput, call: Call) -> AtOnce[Labels]:
        """One run of validated arguments."""
        model = self.catalog.resolve(args.model, Modality.CLASSIFY)
        body = {"input": args.texts()}
        run = engine_run(self.engines, call, Modality.CLASSIFY, model.engine_model, body)
        head = {
            "id": "classify_" + call.run_id.removeprefix("run_"),
            "object": "list",
            "created": self.clock.now_ms() // 1000,
            "model": args.model,
        }
        return AtOnce(run, Labels(()), partial(_result, head))


def _result(head: Mapping[str, Any], labels: Labels, usage: Usage, ran: Ran | None) -> Result:
    data = [_shown(index, label) for index, label in enumerate(labels.data)]
    tokens = usage.input_tokens
    output = {**head, "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return Result(output, usage, classes_response_hash(data), ran)


def _shown(index: int, label: Label) -> dict[str, Any]:
    probs = list(label.probabilities)
    return {"index": index, "label": label.name, "probs": probs, "num_classes": len(probs)}
