"""The tokens of a store: made, listed and revoked. A token itself is shown once and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select, update

from sigtune.backend import clock
from sigtune.backend.resources.accounts import new_token, token_digest
from sigtune.backend.store import Store
from sigtune.backend.tables import TokenRow
from sigtune.errors import Problem, UsageError

LONGEST_NAME = 100

# Made once: every request asks it.
_VALID_TOKEN = select(TokenRow.__table__.c.experiment_id).where(
    TokenRow.digest == bindparam("digest"),
    TokenRow.revoked.is_(None),
    or_(TokenRow.expires.is_(None), TokenRow.expires > bindparam("now")),
)


@dataclass(frozen=True)
class StoredToken:
    """What the store keeps of a token; times are seconds since 1970."""

    id: int
    name: str
    created: int
    experiment: int | None
    expires: int | None
    revoked: int | None


@dataclass(frozen=True)
class Access:
    """What a token allows: everything, or reading one experiment."""

    experiment: int | None = None


def create_token(store: Store, name: str) -> str:
    """Make a token and return it. Raises UsageError for an empty or long name."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise UsageError([Problem("name", f"expected 1 to {LONGEST_NAME} characters", "laptop")])
    token = new_token()
    with store.writing() as session:
        session.add(TokenRow(digest=token_digest(token), name=name, created=clock.seconds()))
    return token


def list_tokens(store: Store) -> list[StoredToken]:
    """Return every token of the store, the oldest first."""
    with store.reading() as session:
        return [
            StoredToken(row.id, row.name, row.created, row.experiment_id, row.expires, row.revoked)
            for row in session.scalars(select(TokenRow).order_by(TokenRow.id))
        ]


def revoke_token(store: Store, token_id: int) -> None:
    """Make a token worthless. Raises UsageError where the store has no token of this id."""
    with store.writing() as session:
        change = update(TokenRow).where(TokenRow.id == token_id, TokenRow.revoked.is_(None))
        if session.execute(change.values(revoked=clock.seconds())).rowcount:  # type: ignore[attr-defined]
            return
        if session.get(TokenRow, token_id) is None:
            raise UsageError([Problem("id", f"no token {token_id}", "one that `sigtune token list` shows")])


def has_tokens(store: Store) -> bool:
    """Return whether any token opens everything."""
    with store.reading() as session:
        query = select(TokenRow.id).where(TokenRow.revoked.is_(None), TokenRow.experiment_id.is_(None))
        return session.scalar(query.limit(1)) is not None


def access_of(store: Store, token: str) -> Access | None:
    """Return what a token allows; None for one that is not known, has expired or was revoked."""
    with store.reading() as session:
        given = {"digest": token_digest(token), "now": clock.seconds()}
        row = session.connection().execute(_VALID_TOKEN, given).one_or_none()
    return None if row is None else Access(row.experiment_id)
