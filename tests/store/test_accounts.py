"""Accounts and logins."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from catenary.domain.review import Reader, RefusedError, Role
from catenary.store import accounts
from catenary.store.database import Database
from tests.store.queues import NOON

IDLE, LONGEST = timedelta(hours=8), timedelta(hours=24)


@pytest.fixture
def wang(db: Database) -> accounts.Account:
    with db.write() as tx:
        accounts.add(tx, "王伟", Role.REVIEWER, "hashed", NOON)
        found = accounts.find(tx, "王伟")
    assert found is not None
    assert found[1] == "hashed"
    return found[0]


def opened(db: Database, who: accounts.Account) -> str:
    with db.write() as tx:
        return accounts.open_session(tx, who, NOON)


def session(db: Database, secret: str, after: timedelta = timedelta(0)):
    with db.read() as connection:
        return accounts.session_of(connection, secret, NOON + after, IDLE, LONGEST)


def test_there_are_none_until_one_is_added(db: Database):
    with db.read() as connection:
        assert not accounts.exist(connection)
    with db.write() as tx:
        accounts.add(tx, "wang", Role.ADMIN, "hashed", NOON)
        assert accounts.exist(tx)


@pytest.mark.parametrize(
    "name", ["", " wang", "wang\n", "a" * 51, "local", "Catenary", "\u202ewang"]
)
def test_a_name_that_could_deceive_is_refused(db: Database, name: str):
    with pytest.raises(RefusedError, match="cannot be called"), db.write() as tx:
        accounts.add(tx, name, Role.ADMIN, "hashed", NOON)


@pytest.mark.parametrize("name", ["wang", "WANG"])
def test_a_name_is_taken_once(db: Database, name: str):
    with db.write() as tx:
        accounts.add(tx, "Wang", Role.ADMIN, "hashed", NOON)
    with pytest.raises(RefusedError, match="already"), db.write() as tx:
        accounts.add(tx, name, Role.VIEWER, "hashed", NOON)


def test_a_session_tells_who_and_keeps_no_secret(db: Database, wang: accounts.Account):
    secret = opened(db, wang)
    found = session(db, secret)
    assert found is not None
    assert found[0].reader == Reader("王伟", Role.REVIEWER)
    with db.read() as connection:
        stored = connection.execute(text("SELECT * FROM session")).one()
    assert secret not in [str(one) for one in stored]


@pytest.mark.parametrize("forged", ["", "x", "0" * 64, "' OR 1=1 --"])
def test_a_forged_session_is_nobody(db: Database, wang: accounts.Account, forged: str):
    opened(db, wang)
    assert session(db, forged) is None


def test_an_unused_session_ends(db: Database, wang: accounts.Account):
    secret = opened(db, wang)
    assert session(db, secret, IDLE) is not None
    assert session(db, secret, IDLE + timedelta(seconds=1)) is None


def test_a_session_in_use_goes_on_to_its_longest(db: Database, wang: accounts.Account):
    secret = opened(db, wang)
    for hours in (7, 14, 21):
        found = session(db, secret, timedelta(hours=hours))
        assert found is not None
        assert found[1]  # to be told that it is in use
        with db.write() as tx:
            accounts.seen(tx, secret, NOON + timedelta(hours=hours))
    assert session(db, secret, timedelta(hours=24, seconds=1)) is None


def test_a_closed_session_is_nobody(db: Database, wang: accounts.Account):
    secret = opened(db, wang)
    with db.write() as tx:
        accounts.close_session(tx, secret, NOON)
        accounts.close_session(tx, secret, NOON)
    assert session(db, secret) is None


def test_a_disabled_account_is_out_at_once(db: Database, wang: accounts.Account):
    secret = opened(db, wang)
    with db.write() as tx:
        accounts.disable(tx, "王伟", NOON)
        assert accounts.find(tx, "王伟") is None
        assert accounts.exist(tx)  # the server does not open up again
    assert session(db, secret) is None
    with pytest.raises(RefusedError, match="no account '王伟'"), db.write() as tx:
        accounts.disable(tx, "王伟", NOON)


def test_sessions_that_are_over_are_swept(db: Database, wang: accounts.Account):
    opened(db, wang)
    with db.write() as tx:
        accounts.sweep(tx, NOON + IDLE + timedelta(seconds=1), IDLE)
        assert tx.execute(text("SELECT count(*) FROM session")).scalar() == 0


def test_a_password_chosen_by_another_ends_all_logins_and_has_to_be_changed(
    db: Database, wang: accounts.Account
):
    secret = opened(db, wang)
    with db.write() as tx:
        accounts.set_password(tx, wang, "other", NOON, "admin")
        assert accounts.by_id(tx, wang.id).must_change
    assert session(db, secret) is None


def test_a_password_of_ones_own_keeps_the_login_it_was_changed_in(
    db: Database, wang: accounts.Account
):
    here, there = opened(db, wang), opened(db, wang)
    with db.write() as tx:
        accounts.set_password(tx, wang, "other", NOON, wang.name, here)
        assert not accounts.by_id(tx, wang.id).must_change
    assert session(db, here) is not None
    assert session(db, there) is None


def test_two_admins_may_lose_one_and_not_both(db: Database):
    with db.write() as tx:
        for name in ("sun", "zhou"):
            accounts.add(tx, name, Role.ADMIN, "hashed", NOON)
        accounts.disable(tx, "sun", NOON)
    with pytest.raises(RefusedError, match="last admin"), db.write() as tx:
        accounts.disable(tx, "zhou", NOON)
    with db.write() as tx:
        accounts.enable(tx, "sun", NOON, "zhou")
        accounts.disable(tx, "zhou", NOON)
