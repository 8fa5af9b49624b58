"""What pyproject.toml cannot say: in a wheel the folder conf/ is the package sigtune.conf."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """Copies conf/ into the package, where Hydra finds it as pkg://sigtune.conf."""

    def run(self) -> None:
        """Build the modules, and then the configs, unless the install is editable: there conf/ is at hand."""
        super().run()
        if not self.editable_mode:
            package = Path(self.build_lib) / "sigtune" / "conf"
            shutil.copytree("conf", package, dirs_exist_ok=True)
            (package / "__init__.py").write_text('"""The config groups of sigtune."""\n')


setup(cmdclass={"build_py": BuildWithConfigs})
