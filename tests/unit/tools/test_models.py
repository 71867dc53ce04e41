"""What the models tool lists: prices, kinds, and whether a call would be taken."""

from typing import Any

from runtime.catalog import Catalog, Model, price_card
from runtime.engine import Modality
from tools.models import Models, ModelsInput, ModelsOutput

CHAT, SOUND = price_card("0.02", "0.08"), price_card("0", "0", second_usd="0.0001")
CATALOG = Catalog(
    [
        Model("always", Modality.CHAT, "a", CHAT, 4096, "MIT", ("alias",)),
        Model("sees", Modality.CHAT, "d", CHAT, 4096, "MIT", sees=True),
        Model("loads", Modality.TRANSCRIPTION, "b", SOUND, 448, "MIT", status="on_demand"),
        Model("withdrawn", Modality.EMBEDDING, "c", CHAT, 512, "MIT", status="unavailable"),
    ]
)


async def entries(*up: str) -> dict[str, dict[str, Any]]:
    endpoints = {"chat": ("/v1/chat/completions",)}
    tool = Models(
        CATALOG,
        lambda _, name: name in up,
        lambda model: endpoints.get(model.modality, ()),
        True,
        7,
    ).tool()
    run = tool.run(ModelsInput(id=None), None)  # type: ignore[arg-type] # it looks at no call
    await run.start()
    told = ModelsOutput.model_validate(run.result().output)
    return {entry.id: entry.model_dump() for entry in told.data}


async def test_status_is_the_operators_word_while_an_engine_is_up() -> None:
    told = await entries("a", "b", "c")
    assert {name: (entry["status"], entry["available"]) for name, entry in told.items()} == {
        "always": ("always_on", True),
        "alias": ("always_on", True),
        "sees": ("unavailable", False),
        "loads": ("on_demand", True),
        "withdrawn": ("unavailable", False),
    }
    assert {entry["status"] for entry in (await entries()).values()} == {"unavailable"}


async def test_an_entry_tells_price_context_licence_kinds_endpoints_and_x402() -> None:
    told = await entries("a", "b")
    always, loads = told["always"], told["loads"]
    assert (always["context_length"], always["license"], always["x402"]) == (4096, "MIT", True)
    assert always["endpoints"] == ["/v1/chat/completions"]
    assert (always["pricing"]["std_input"], always["pricing"]["std_output_usd"]) == (0.02, "0.08")
    assert (always["input_modalities"], always["output_modalities"]) == (["text"], ["text"])
    assert told["sees"]["input_modalities"] == ["text", "image"]
    assert (loads["input_modalities"], loads["output_modalities"]) == (["audio"], ["text"])
    assert (loads["pricing"]["second_usd"], loads["pricing"]["image_usd"]) == ("0.0001", None)
    assert (told["alias"]["served_by"], told["alias"]["aliases"]) == ("always", ["always"])
