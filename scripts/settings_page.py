"""docs/configuration.md, from the settings' own fields."""

import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from base.agent_settings import AgentSettings
from base.engine_settings import EngineSettings
from base.limit_settings import LimitSettings
from base.moderation_settings import ModerationSettings
from base.network_settings import FacilitatorSettings, NetworkSettings
from base.settings import ModelSettings, Settings
from base.topup_settings import AlipaySettings, StripeSettings
from manifests.markdown import table

_HEAD = """\
# Configuration

Rendered from `base/settings.py` by `scripts/render.py`; do not edit.

Settings come from `batchin.toml` in the working folder (`--config` or `BATCHIN_CONFIG` names another
file), then from `BATCHIN_*` variables, then from flags; the later wins. Each has a default with which
the embedded server runs. A wrong value stops the start with a sentence that names the setting, the value
and what is allowed.

```toml
# batchin.toml
port = 8402
public_url = "https://agents.example"
environment = "development"

[[models]]
id = "qwen3-32b"
modality = "chat"
context_length = 32768
```

Lists and tables are JSON in a variable: `BATCHIN_TRUSTED_PROXIES='["10.0.0.7"]'`.
"""

_MODELS = """\
## [[models]]

One table for each model of an attached engine.
"""

_ENGINES = """\
## [[engines]]

One table for each attached engine; several that serve one model are its replicas.
"""


_LIMITS = """\
## [[limits]]

One table for each limit. Rates refill evenly; what is left of a minute may be used at once. A call
passes the limits of its key, workspace, lane and region, or is answered with 429 and Retry-After
before anything is held. Tokens are counted by the most that a call may take, and corrected when it ends.
"""


_STRIPE = """\
## [stripe]

Without this table there are no top-ups by card. Let Stripe tell `checkout.session.completed`,
`checkout.session.async_payment_succeeded`, `charge.refunded`, `charge.dispute.funds_withdrawn` and
`charge.dispute.funds_reinstated` to `/v1/topup/stripe/webhook`. Not yet run against the live service.
"""

_ALIPAY = """\
## [alipay]

Without this table there are no top-ups by Alipay. It notifies `/v1/topup/alipay/notify`, for which
`public_url` must be set. Not yet run against the live service.
"""


_AGENT = """\
## [agent]

The server as an agent of ERC-8004: `batchin agent register` puts it into the registry, and from then on
checkpoints of the log are anchored there. On another chain than the embedded one, `rpc_url` names a node
and the wallets `keys/agent_owner.key` and `keys/anchor.key` need ether for gas; not yet run against a
public chain.
"""


_NETWORKS = """\
## [networks.NAME]

A public chain on which x402 payments are taken in its USDC: `base`, `base-sepolia`, `polygon`,
`avalanche`, `arbitrum`, `ethereum`. Who is paid may differ from chain to chain. This server settles by
itself: the gas wallet needs the chain's own coin; or facilitators of others settle. See
[payments](payments.md#networks); seen on anvil in the place of Base Sepolia, not yet run against a live
public chain or facilitator.
"""
_MODERATION = """\
## [moderation]

What answers `/v1/moderations`: a model that classifies, and what each of its classes means. Without it
the path answers 503 `engine_not_configured`.
"""
_FACILITATORS = """\
## [[networks.NAME.facilitators]]

A facilitator of somebody else (x402 version 2 over HTTP) for that network. Its headers are secrets: no
log, error or trace holds them.
"""


def settings_page() -> str:
    """The whole page."""
    settings = table(
        ("setting", "variable", "default", "meaning", "allowed"),
        (
            (f"`{name}`", f"`BATCHIN_{name.upper()}`", *_row(field))
            for name, field in Settings.model_fields.items()
        ),
    )
    models = table(
        ("key", "default", "meaning", "allowed"),
        ((f"`{name}`", *_row(field)) for name, field in ModelSettings.model_fields.items()),
    )
    engines = table(
        ("key", "default", "meaning", "allowed"),
        ((f"`{name}`", *_row(field)) for name, field in EngineSettings.model_fields.items()),
    )
    limits = table(
        ("key", "default", "meaning", "allowed"),
        ((f"`{name}`", *_row(field)) for name, field in LimitSettings.model_fields.items()),
    )
    tables = f"{_MODELS}\n{models}\n\n{_ENGINES}\n{engines}\n\n{_LIMITS}\n{limits}\n"
    for head, section in (
        (_MODERATION, ModerationSettings),
        (_STRIPE, StripeSettings),
        (_ALIPAY, AlipaySettings),
        (_AGENT, AgentSettings),
        (_NETWORKS, NetworkSettings),
        (_FACILITATORS, FacilitatorSettings),
    ):
        keys = ((f"`{name}`", *_row(field)) for name, field in section.model_fields.items())
        tables += f"\n{head}\n{table(('key', 'default', 'meaning', 'allowed'), keys)}\n"
    return f"{_HEAD}\n{settings}\n\n{tables}"


def _row(field: FieldInfo) -> tuple[str, str, str]:
    return _default(field), field.description or "", _allowed(field)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the user's data folder"
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return ""
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, tuple):
        return ", ".join(f"`{item}`" for item in field.default) or "none"
    return "none" if field.default == {} else f"`{field.default}`"


def _allowed(field: FieldInfo) -> str:
    bounds = list(_bounds(field.metadata))
    return "; ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        return "; ".join([_kind(inner), *_bounds(_flat(metadata))])
    if origin in (Union, types.UnionType):
        return _kind(next(part for part in get_args(annotation) if part is not type(None)))
    if origin is dict:
        key, value = (_kind(part) for part in get_args(annotation))
        return f"table of {key} to {value}"
    if origin is tuple:
        inner = get_args(annotation)[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return "list of tables"
        return f"list of {_kind(inner)}s"
    names = {bool: "`true`, `false`", int: "whole number", float: "number", SecretStr: "secret text"}
    return names.get(annotation, "folder" if getattr(annotation, "__name__", "") == "Path" else "text")


def _flat(metadata: Sequence[Any]) -> Iterator[Any]:
    for item in metadata:
        yield from item.metadata if isinstance(item, FieldInfo) else (item,)


def _bounds(metadata: Any) -> Iterator[str]:
    for item in metadata:
        for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")):
            if (bound := getattr(item, name, None)) is not None:
                yield f"{sign} {bound}"
        if pattern := getattr(item, "pattern", None):
            yield f"matches `{pattern}`"
