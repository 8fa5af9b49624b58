"""The recorded calls that this SigOpt answers otherwise, each with its reason."""

from __future__ import annotations

_OLDER_VALUE = "early clients report one `value`, which is still accepted; the recorded server had stopped to"

NOT_SENT = {
    "observation_values:3": _OLDER_VALUE,
    "observation_unnamed_metric:6": _OLDER_VALUE,
}
"""Calls whose other answer would change what the later calls of their scenario see."""

_NO_TOKEN = "in a process there is no token to show"

WITHOUT_A_PORT = {f"account_auth_errors:{step}": _NO_TOKEN for step in (1, 2, 3, 4, 6, 7, 8, 9)}
"""Calls that only make sense over HTTP."""
