"""Fields that would change the output and that a model's engine can't honour: refused by name."""

from pydantic import BaseModel

from base.errors import InvalidRequest
from runtime.catalog import Model


def check_honoured(args: BaseModel, model: Model) -> None:
    """Raises InvalidRequest that names the first such field which was sent."""
    for name in args.model_fields_set:
        if name in model.refuses and getattr(args, name) is not None:
            raise InvalidRequest(
                f"{name} can't be honoured by {model.id}, and was not ignored.",
                param=name,
                resolution=f"Leave {name} out, or choose another model.",
            )
