"""What a browser sends with a form."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

LARGEST_FORM = 8 * 2**20
"""Bytes; a CSV of 10,000 observations is about one million."""

_MOST_FIELDS = 1000


class FormError(Exception):
    """The form cannot be read, for the reason in its message."""


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form as browsers send them by default; of a repeated field the last.

    Raises FormError for a form that is too large, or is not one.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise FormError(f"the form is larger than {LARGEST_FORM // 2**20} MB")
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise FormError("expected a form")
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except (UnicodeDecodeError, ValueError) as error:
        raise FormError(f"the form cannot be read: {error}") from error
