"""A server that lives as long as the demo that started it: the child's side of server.demo.host."""

from pathlib import Path

from base.parent import attach
from base.settings import load_settings
from server.serve import serve


def main() -> None:
    """Serve on a free port until the parent goes away."""
    parent = attach()
    config = parent.request["config"]
    settings = load_settings(
        None if config is None else Path(config),
        data_dir=Path(parent.request["data_dir"]),
        port=0,
        log_format="text",
    )
    serve(settings, lambda server: parent.ready(url=server.url))


if __name__ == "__main__":
    main()
