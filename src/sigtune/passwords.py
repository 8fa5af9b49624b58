"""Passwords in URLs, such as that of `sigopt.store`, masked in files that others read."""

from __future__ import annotations

import re
from pathlib import Path

_PASSWORD = re.compile(r"(://[^\s:/@'\"]*:)[^\s@'\"]+(?=@)|([?&]password=)[^\s&'\"]+")


def mask_passwords(text: str) -> str:
    """Return the text with the password of every URL in it as `***`."""
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", text)


def has_password(text: str) -> bool:
    """Return whether a URL in the text has a password."""
    return mask_passwords(text) != text


def mask_passwords_in(folder: Path) -> None:
    """Mask the passwords in the YAML files of a folder, such as Hydra's own `.hydra` in that of a job."""
    for path in folder.glob("*.yaml"):
        text = path.read_text()
        masked = mask_passwords(text)
        if masked != text:
            path.write_text(masked)
