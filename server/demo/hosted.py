"""A server that lives as long as the demo that started it: the child's side of server.demo.host."""

from pathlib import Path

from base.parent import Parent, attach
from server.app import Server
from server.banner import first_key
from server.commands.failure import told
from server.commands.settings import settings_of
from server.serve import serve


def main() -> None:
    """Serve on a free port until the parent goes away."""
    parent = attach()
    with told():
        config, data_dir = parent.request["config"], Path(parent.request["data_dir"])
        settings = settings_of(
            None if config is None else Path(config), data_dir, port=0, log_format="text"
        )
        serve(settings, lambda server: _ready(parent, server))


def _ready(parent: Parent, server: Server) -> None:
    made = first_key(server)
    parent.ready(
        first_key=made and made.key, first_balance_nano_usd=made.balance_nano_usd if made else 0
    )


if __name__ == "__main__":
    main()
