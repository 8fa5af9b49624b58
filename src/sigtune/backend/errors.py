"""SigOpt's own kind of error, as the official client raises it."""

from __future__ import annotations

from sigopt.exception import ApiException


def api_error(message: str, status: int) -> ApiException:
    """Return the error of an HTTP status, with the body that SigOpt gives it."""
    return ApiException({"message": message, "status": status}, status)


def bad_request(message: str) -> ApiException:
    """Return the error for a request that is wrong in itself."""
    return api_error(message, 400)


def forbidden(message: str) -> ApiException:
    """Return the error for what this kind of experiment or run does not allow."""
    return api_error(message, 403)


def not_found(message: str) -> ApiException:
    """Return the error for a thing that does not exist."""
    return api_error(message, 404)


def wrong_method(message: str) -> ApiException:
    """Return the error for a path that exists and does not know the method."""
    return api_error(message, 405)


def conflict(message: str) -> ApiException:
    """Return the error for an id or name that is taken."""
    return api_error(message, 409)


def unprocessable(message: str) -> ApiException:
    """Return the error for a request that there is too little to answer from."""
    return api_error(message, 422)


def unavailable(message: str) -> ApiException:
    """Return the error for a store that cannot be reached at the moment; the request may be repeated."""
    return api_error(message, 503)
