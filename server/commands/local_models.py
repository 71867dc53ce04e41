"""The local engine's files: fetched with progress at the very first start."""

from base.settings import Settings


def fetch_models(settings: Settings) -> None:
    """Nothing to do when they are in the cache, or another engine is attached. Raises FetchError."""
    if settings.engine != "local":
        return
    from runtime.local.artifacts import user_cache_dir
    from runtime.local.fetch import fetch, missing, progress_bar

    folder = settings.cache_dir or user_cache_dir()
    if not missing(folder):
        return
    with progress_bar() as report:
        fetch(folder, report)
