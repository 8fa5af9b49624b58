"""Fetch a published archive and unpack it: checked, and either whole in its place or not there at all."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import requests
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from sigtune.data.recordings_cache import blaming_data_dir, locked
from sigtune.errors import Problem, UsageError

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = (10, 60)  # to connect; between two pieces of the answer


@dataclass(frozen=True)
class Archive:
    """A tar archive at `url`, whose content has the SHA-256 `sha256` (64 hexadecimal digits)."""

    url: str
    sha256: str

    def unpack_into(self, folder: Path) -> None:
        """Make `folder` hold the archive's content, unless it is there; safe in several processes at once.

        Everything is downloaded and unpacked beside it and renamed at the end: `folder` is whole where it
        exists, and whatever goes wrong leaves nothing behind. Raises UsageError for an address that does not
        answer (`data.url`), another content than the checksum's (`data.sha256`), an archive that is damaged
        or that would write elsewhere (`data.url`), and a disk that refuses (`data.data_dir`).
        """
        if folder.is_dir():
            return
        with locked(folder.parent, folder.name):
            if not folder.is_dir():
                with _scratch(folder.with_name(f".{folder.name}.partial")) as scratch:
                    download = scratch / "archive"
                    self._fetch(download)
                    unpacked = scratch / "unpacked"
                    self._unpack(download, unpacked)
                    with blaming_data_dir(folder.parent):
                        unpacked.rename(folder)

    def _fetch(self, target: Path) -> None:
        digest = hashlib.sha256()
        with blaming_data_dir(target.parent), target.open("wb") as file:
            for chunk in self._chunks():
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != self.sha256.lower():
            problem = f"{self.url} has the checksum {digest.hexdigest()}, expected {self.sha256}"
            remedy = "try again; if it stays, the file at this address is not the published one"
            raise UsageError([Problem("data.sha256", problem, remedy)])

    def _chunks(self) -> Iterator[bytes]:
        try:
            # The bytes as they are stored are what the checksum is of: no transfer compression on top.
            headers = {"Accept-Encoding": "identity"}
            with requests.get(self.url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
                response.raise_for_status()
                length = response.headers.get("Content-Length", "")
                total = int(length) if length.isdigit() else None
                got = 0
                for chunk in _with_progress(response.iter_content(_CHUNK_BYTES), total):
                    got += len(chunk)
                    yield chunk
                if total is not None and got != total:
                    raise requests.ConnectionError(f"the answer ended after {got} of {total} bytes")
        except requests.RequestException as error:
            problem = f"cannot download {self.url}: {error}"
            remedy = "try again, or unpack the archive yourself and set data.root to its folder"
            raise UsageError([Problem("data.url", problem, remedy)]) from error

    def _unpack(self, archive: Path, folder: Path) -> None:
        with blaming_data_dir(folder.parent):
            try:
                with tarfile.open(archive) as tar:
                    tar.extractall(folder, filter=_only_inside)  # noqa: S202 - the filter is what it asks for
            except _DAMAGED as error:  # a BadGzipFile is an OSError too, so these are looked for first
                problem = f"{self.url} is not a whole tar archive of plain files: {error}"
                remedy = "the address of the published archive"
                raise UsageError([Problem("data.url", problem, remedy)]) from error


class _MemberError(tarfile.TarError):
    """A member that has no place in a data set."""


_DAMAGED = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error)


def _only_inside(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Let plain files and folders inside `folder` through; a link, a device or a way out stops everything."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise _MemberError(f"{member.name!r} would land outside its folder")
    if not (member.isfile() or member.isdir()):
        raise _MemberError(f"{member.name!r} is neither a file nor a folder")
    return tarfile.data_filter(member, folder)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give an empty folder that is gone afterwards; one name, so that a killed process's is cleared too."""
    with blaming_data_dir(folder.parent):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _with_progress(chunks: Iterator[bytes], total: int | None) -> Iterator[bytes]:
    """Pass the chunks on and show how far they are: on a terminal only, where a moving line can be."""
    console = Console(stderr=True)
    columns = (
        TextColumn("download"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("download", total=total)
        for chunk in chunks:
            yield chunk
            progress.advance(task, len(chunk))
