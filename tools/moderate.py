"""The moderate tool: texts in, OpenAI's categories of harm out, by a model that classifies.

The operator names the model and what each of its classes means (``[moderation]``); a category that no
class stands for is never flagged, and says so by naming no input that it was applied to.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from base.errors import EngineError, EngineNotConfigured, InvalidRequest
from base.moderation_settings import CATEGORIES, ModerationSettings
from base.pricing import Quote
from runtime.engine import Event, Labels, Modality
from settlement.evidence.hashes import moderation_response_hash
from settlement.rail import Served
from tools.at_once import AtOnce
from tools.classify import MAX_INPUTS, Classify, ClassifyInput
from tools.core import Annotations, Call, Result, Tool

_LIST: Final = "a list"


class TextPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["text"] = Field(description="Texts alone are moderated.")
    text: str = Field(min_length=1)


def _kind(value: Any) -> str:
    if not isinstance(value, list):
        return "a text"
    return "a list of parts" if value and isinstance(value[0], dict | TextPart) else _LIST


class ModerateInput(BaseModel):
    """OpenAI's arguments; parts are looked at together, as one input."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str | None = Field(
        None, min_length=1, max_length=256, description="The server's moderation model, or left out."
    )
    input: Annotated[
        Annotated[str, Field(min_length=1), Tag("a text")]
        | Annotated[
            list[Annotated[str, Field(min_length=1)]],
            Field(min_length=1, max_length=MAX_INPUTS),
            Tag(_LIST),
        ]
        | Annotated[list[TextPart], Field(min_length=1, max_length=MAX_INPUTS), Tag("a list of parts")],
        Discriminator(_kind),
    ] = Field(description=f"One text, a list of 1 to {MAX_INPUTS} texts, or text parts of one input.")

    def texts(self) -> list[str]:
        if isinstance(self.input, str):
            return [self.input]
        texts = [one for one in self.input if isinstance(one, str)]
        return texts or ["\n".join(one.text for one in self.input if isinstance(one, TextPart))]


class Moderated(BaseModel):
    """What was found in one input."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text"]]] = Field(
        description="Empty for a category that the model does not know."
    )


class ModerateOutput(BaseModel):
    """One result an input, in their order."""

    id: str
    model: str
    results: list[Moderated]


@dataclass(frozen=True, slots=True)
class Moderate:
    """Builds the tool over the classify tool; ``settings`` is None where no model moderates."""

    classify: Classify
    settings: ModerationSettings | None

    def tool(self) -> Tool[ModerateInput]:
        return Tool(
            name="moderate",
            title="Moderate",
            description=(
                "Tell which of OpenAI's categories of harm each text falls into. The classify tool in "
                "the shape of OpenAI's Moderations API, at its prices."
            ),
            Input=ModerateInput,
            Output=ModerateOutput,
            run=self._run,
            quote=self._quote,
            modality=Modality.CLASSIFY,
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=({"input": "Thank you, that helped."},),
            available=self._available,
            listed=False,
        )

    def _available(self) -> bool:
        return self.settings is not None and self.classify.engines.serves(Modality.CLASSIFY)

    def _quote(self, args: ModerateInput) -> Quote:
        return self.classify.quote(self._asked(args, self._configured()))

    def _run(self, args: ModerateInput, call: Call) -> "ModerateExecution":
        settings = self._configured()
        made = self.classify.run(self._asked(args, settings), call)
        return ModerateExecution(made, settings, "modr_" + call.run_id.removeprefix("run_"))

    def _configured(self) -> ModerationSettings:
        if self.settings is None:
            raise EngineNotConfigured("This server has no model that moderates.", param="model")
        return self.settings

    def _asked(self, args: ModerateInput, settings: ModerationSettings) -> ClassifyInput:
        """Raises InvalidRequest, ModelNotFound and their kin."""
        asked = args.model or settings.model
        if self.classify.catalog.resolve(asked, Modality.CLASSIFY).id != settings.model:
            raise InvalidRequest(
                f"{asked} does not moderate.",
                param="model",
                resolution=f"Leave model out, or send {settings.model}.",
            )
        return ClassifyInput(model=asked, input=args.texts())


class ModerateExecution:
    """One run of the model that classifies, told in OpenAI's categories."""

    def __init__(self, made: AtOnce[Labels], settings: ModerationSettings, moderation_id: str) -> None:
        self._made = made
        self._settings = settings
        self._id = moderation_id

    def reserve(self) -> None:
        self._made.reserve()

    async def start(self) -> Served:
        return await self._made.start()

    def events(self) -> AsyncIterator[Event]:
        return self._made.events()

    def result(self) -> Result:
        """Raises EngineError for a model of other classes than the setting names."""
        made = self._made.result()
        results = [self._found(row["probs"]) for row in made.output["data"]]
        output = {"id": self._id, "model": made.output["model"], "results": results}
        return replace(made, output=output, response_hash=moderation_response_hash(results))

    async def close(self) -> None:
        await self._made.close()

    def _found(self, probabilities: Sequence[float]) -> Mapping[str, Any]:
        named = self._settings.categories
        if len(probabilities) != len(named):
            raise EngineError(
                f"The moderation model has {len(probabilities)} classes, the server names {len(named)}.",
                resolution="Nothing was charged. The operator has to mend categories of [moderation].",
            )
        scores = dict.fromkeys(CATEGORIES, 0.0)
        for category, probability in zip(named, probabilities, strict=True):
            if category:
                scores[category] = min(1.0, scores[category] + probability)
        flags = {name: score >= self._settings.threshold for name, score in scores.items()}
        applied = {name: ["text"] if name in named else [] for name in CATEGORIES}
        return {
            "flagged": any(flags.values()),
            "categories": flags,
            "category_scores": scores,
            "category_applied_input_types": applied,
        }
