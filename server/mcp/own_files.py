"""The files of a caller as MCP resources: whole, so they have a bound."""

from dataclasses import dataclass
from typing import Final

from base.caller import Caller
from base.errors import NotFound, PayloadTooLarge
from manifests.document import Document
from tools.files.files import Files
from tools.scopes import check_endpoint

MOST_BYTES: Final = 8 * 1_048_576


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Reads for the caller of a message what ``GET /v1/files/{id}/content`` would give him."""

    files: Files

    async def __call__(self, caller: Caller, file_id: str) -> Document:
        """Raises NotFound, Forbidden for a key that is made for other paths, PayloadTooLarge."""
        account_id = caller.account_for(file_id)
        if account_id is None:
            raise NotFound("File not found", param="id", resolution="Send the key that owns it.")
        path = f"/v1/files/{file_id}/content"
        check_endpoint(caller, path)
        file = await self.files.get(account_id, file_id)
        if file.size > MOST_BYTES:
            raise PayloadTooLarge(
                f"The file has {file.size} bytes; a resource has at most {MOST_BYTES}.",
                resolution=f"GET {path}, in ranges if you like.",
            )
        parts = [part async for part in self.files.content(file, 0, file.size)]
        return Document(file.media_type, b"".join(parts))
