"""GET /v1/models and /v1/models/{id}: the catalog for everybody."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from server.free import FreeDoor


def model_routes(door: FreeDoor) -> list[Route]:
    """An id may hold slashes (``OWNER/MODEL``)."""
    return [
        Route("/v1/models", door.get("models", lambda _: {}, lambda output: output)),
        Route(
            "/v1/models/{id:path}",
            door.get(
                "models",
                _model_id,
                lambda output: output["data"][0],
            ),
        ),
    ]


def _model_id(request: Request) -> dict[str, Any]:
    model_id = request.path_params["id"]
    if not model_id:
        raise HTTPException(404)
    return {"id": model_id}
