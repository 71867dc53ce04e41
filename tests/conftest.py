"""Settings of the suite: hypothesis tries the same examples on every run."""

from hypothesis import settings

settings.register_profile("batchin", derandomize=True, deadline=None)
settings.load_profile("batchin")
