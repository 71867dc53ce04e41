"""The settings of a command: its flags over the environment over the settings file."""

from pathlib import Path
from typing import Any

from base.settings import Settings, load_settings


def settings_of(config: Path | None, data_dir: Path | None, **flags: Any) -> Settings:
    """``data_dir`` is made absolute: children run elsewhere. Raises SettingsError."""
    settings = load_settings(config, data_dir=data_dir, **flags)
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().absolute()})
