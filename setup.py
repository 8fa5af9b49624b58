"""What pyproject.toml cannot say: a wheel has conf/ as the package sigtune.conf, and fits every Python 3."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
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


class BuildKernels(build_ext):
    """Compiles the kernels to one library for every Python."""

    def run(self) -> None:
        """Build it; in the source tree, remove those of one Python alone, which that would prefer."""
        super().run()
        if self.inplace:
            for file in Path("src/sigtune/kernels").glob("_compiled.cpython-*.so"):
                file.unlink()


class WheelForEveryPython(bdist_wheel):
    """The kernels are called through ctypes: what they need is the platform, not a version of Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags of the wheel: Python, ABI, platform."""
        return "py3", "none", super().get_tag()[2]


setup(cmdclass={"build_py": BuildWithConfigs, "build_ext": BuildKernels, "bdist_wheel": WheelForEveryPython})
