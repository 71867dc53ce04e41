"""GET /v1/models and /v1/models/{id}: the catalog for everybody."""

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
                lambda request: {"id": request.path_params["id"]},
                lambda output: output["data"][0],
            ),
        ),
    ]
