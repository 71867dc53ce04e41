"""A walk through a server's pages in Chromium, by a script of Playwright's."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.live import LiveServer
from tests.node import installed, node, run


async def walked(
    script: str, server: LiveServer, folder: Path, within_s: float = 300, **told: Any
) -> Any:
    """What a script of this folder says at its end, as JSON. It is told the server, its key, where
    pictures go, and ``told``; it is run in ``folder``."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "chromium is needed"
    modules = await installed("playwright-core@1.65.1", "axe-core@4.14.1")
    given = {
        "url": server.url,
        "browser": browser,
        "modules": str(modules),
        "key": server.api_key,
        "shots": str(folder),
        **told,
    }
    path = Path(__file__).parent / script
    return json.loads(
        await run(await node(), str(path), json.dumps(given), cwd=folder, within_s=within_s)
    )
