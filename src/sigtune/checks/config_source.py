"""Where the configs of an app are."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True)
class ConfigSource:
    """Where an app's configs are, as it tells `hydra.main`: the folder of the app's own file is `app`."""

    app: Path
    config_path: str | None
    config_name: str | None

    def folder(self, config_path: str | None) -> Path | None:
        """Return the folder of the configs, or that of `--config-path`; None where there is none."""
        given = config_path or self.config_path
        if given is None:
            return None
        if given.startswith("pkg://"):
            return Path(str(files(given.removeprefix("pkg://").replace("/", "."))))
        return self.app / given
