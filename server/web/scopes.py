"""Workspace, lane and region of a call: its key's, which headers may narrow and never widen."""

import re
from dataclasses import replace
from typing import Final

from base.caller import Caller
from base.errors import Forbidden, InvalidRequest
from runtime.routing.lanes import PRIVATE, kind_of, rank_of
from runtime.routing.replica import ANYWHERE
from server.web.request import Head

WORKSPACE: Final = b"x-batchin-workspace"
LANE: Final = b"x-batchin-lane"
REGION: Final = b"x-batchin-region"
_DEFAULT_WORKSPACE: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_LANE: Final = re.compile(r"shared|batch|fill|private:[A-Za-z0-9._-]{1,64}", re.ASCII)


def narrowed(caller: Caller, head: Head) -> Caller:
    """The caller within what its request asked for.

    A key without a workspace or region may name any; a lane may be left for one that goes later.
    Raises InvalidRequest for what is no name, Forbidden for what the key does not hold.
    """
    headers = head.headers
    if LANE not in headers and REGION not in headers and WORKSPACE not in headers:
        return caller
    workspace = _asked(head, WORKSPACE, _NAME) or caller.workspace
    lane = _asked(head, LANE, _LANE) or caller.lane
    region = _asked(head, REGION, _NAME) or caller.region
    if caller.workspace not in (_DEFAULT_WORKSPACE, workspace):
        raise _beyond("workspace", caller.workspace)
    if caller.region not in (ANYWHERE, region):
        raise _beyond("region", caller.region)
    if lane != caller.lane and (kind_of(lane) == PRIVATE or rank_of(lane) < rank_of(caller.lane)):
        raise _beyond("lane", caller.lane)
    return replace(caller, workspace=workspace, lane=lane, region=region)


def _asked(head: Head, name: bytes, form: "re.Pattern[str]") -> str | None:
    value = head.text(name)
    if value is not None and not form.fullmatch(value):
        shown = name.decode().title().replace("Batchin", "BatchIn")
        raise InvalidRequest(
            f"{shown} is malformed.", param=shown, resolution=f"It should match {form.pattern}."
        )
    return value


def _beyond(what: str, own: str) -> Forbidden:
    return Forbidden(
        f"The key is bound to the {what} {own!r}.",
        param=f"X-BatchIn-{what.title()}",
        resolution=f"Leave the header out, or use a key of another {what}.",
    )
