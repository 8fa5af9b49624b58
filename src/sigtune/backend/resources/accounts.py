"""The account: a store has one organization, one client and one user, all of them with the id 1."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import func, select

from sigtune.backend import clock
from sigtune.backend.errors import not_found
from sigtune.backend.lookup import check_client, experiment_of
from sigtune.backend.requests import CLIENT_ID, Json, Request
from sigtune.backend.tables import ExperimentRow, TokenRow, TrainingRunRow

GUEST_LEASE_SECONDS = 30 * 24 * 3600


def token_detail(request: Request) -> Json:
    """GET tokens/ID: the token of this request, by itself or as `self`."""
    if request.ids[0] not in ("self", request.token):
        raise not_found("no such token")
    row = find_token(request, request.token)
    if row is not None and row.experiment_id is not None:
        return _guest_json(row, request.token)
    return _token_json(request.token)


def client_detail(request: Request) -> Json:
    """GET clients/ID."""
    check_client(request)
    return {
        "object": "client",
        "id": CLIENT_ID,
        "name": "sigtune",
        "organization": CLIENT_ID,
        "client_security": {"allow_users_to_see_experiments_by_others": True},
        "created": _created(request),
    }


def organization_detail(request: Request) -> Json:
    """GET organizations/ID."""
    if request.ids[0] != CLIENT_ID:
        raise not_found(f"no organization {request.ids[0]}")
    runs = request.session.scalar(select(func.count()).select_from(TrainingRunRow)) or 0
    optimized = select(func.count()).where(TrainingRunRow.experiment_id.is_not(None))
    return {
        "object": "organization",
        "id": CLIENT_ID,
        "name": "sigtune",
        "academic": False,
        "allow_signup_from_email_domains": False,
        "client_for_email_signup": None,
        "created": _created(request),
        "data_storage_bytes": 0,
        "email_domains": [],
        "optimized_runs_in_billing_cycle": request.session.scalar(optimized) or 0,
        "total_runs_in_billing_cycle": runs,
    }


def share_experiment(request: Request) -> Json:
    """POST experiments/ID/tokens: a token with which others can read this experiment, for 30 days."""
    experiment = experiment_of(request, lock=True)
    token = new_token()
    now = clock.seconds()
    row = TokenRow(
        digest=token_digest(token),
        name=f"reads experiment {experiment.id}",
        experiment_id=experiment.id,
        created=now,
        expires=now + GUEST_LEASE_SECONDS,
    )
    request.session.add(row)
    return _guest_json(row, token)


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_hex(24).upper()


def token_digest(token: str) -> str:
    """Return what the store keeps of a token. It is random and long, so no salt or slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def find_token(request: Request, token: str) -> TokenRow | None:
    """Return the row of a token."""
    return request.session.scalar(select(TokenRow).where(TokenRow.digest == token_digest(token)))


def _created(request: Request) -> int:
    first = request.session.scalar(select(func.min(ExperimentRow.created)))
    return first or clock.seconds()


def _token_json(token: str) -> Json:
    return {
        "object": "token",
        "token": token,
        "token_type": "client-api",
        "all_experiments": True,
        "client": CLIENT_ID,
        "development": False,
        "experiment": None,
        "expires": None,
        "lease_length": None,
        "organization": CLIENT_ID,
        "permissions": "write",
        "scope": "all_endpoints",
        "training_run": None,
        "user": CLIENT_ID,
    }


def _guest_json(row: TokenRow, token: str) -> Json:
    return {
        **_token_json(token),
        "token_type": "guest",
        "all_experiments": False,
        "experiment": str(row.experiment_id),
        "expires": row.expires,
        "lease_length": GUEST_LEASE_SECONDS,
        "permissions": "read",
        "scope": "shared_experiment",
        "user": None,
    }
