"""Debian's packages of what the clusters are made of."""

import os
import shutil
import subprocess

import pytest

INSTALL_SECONDS = 600


def require(*packages: str) -> None:
    """Install those of the packages that are missing; skip the test where that cannot be done."""
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip(f"{', '.join(missing)} can be installed by root on Debian only")
    try:
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", *missing)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{', '.join(missing)} cannot be installed: {error}")


def require_root() -> None:
    """Skip the test for a user who cannot start services in the name of others."""
    if os.geteuid() != 0:
        pytest.skip("needs root, as which the services of a cluster are started")


def _is_installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return False
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "-qq", *arguments],
        env=environment,
        check=True,
        timeout=INSTALL_SECONDS,
        stdout=subprocess.DEVNULL,
    )
