"""SigOpt's own kind of error, as the official client raises it."""

from __future__ import annotations

from sigopt.exception import ApiException


def bad_request(message: str) -> ApiException:
    """Return the error for a request that is wrong in itself."""
    return ApiException({"message": message}, 400)


def not_found(message: str) -> ApiException:
    """Return the error for a thing that does not exist."""
    return ApiException({"message": message}, 404)


def conflict(message: str) -> ApiException:
    """Return the error for a request that the present state forbids."""
    return ApiException({"message": message}, 409)


def unavailable(message: str) -> ApiException:
    """Return the error for a store that cannot be reached at the moment; the request may be repeated."""
    return ApiException({"message": message}, 503)
