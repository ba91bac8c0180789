"""The verifier for Python against a real server."""

import base64
import hashlib
import threading
import time

import keyward
import pytest


@pytest.fixture
def joining(server):
    """The secret of a key that may join."""
    return server.issue(scopes=["verifiers:join", "keys:verify"])[1]


@pytest.fixture
def verifier(server, joining):
    verifier = keyward.Verifier(server.url, joining, name="python")
    verifier.ready(timeout=30)
    return verifier


def code(verify, *arguments):
    with pytest.raises(keyward.Refused) as refused:
        verify(*arguments)
    return refused.value.code


def eventually(ask):
    """Waits for what comes a little later than the call that began it."""
    end = time.monotonic() + 30
    while not ask():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def holds(verifier, secret):
    try:
        return verifier.verify(secret)
    except keyward.Refused:
        return None


def test_a_key_is_accepted_until_its_removal_is_answered(server, verifier):
    key_id, secret = server.issue(scopes=["orders:read"])
    assert verifier.check(secret, ["orders:read"]).id == key_id, "made a moment ago"
    eventually(lambda: holds(verifier, secret))
    key = verifier.verify(secret, scopes=["orders:read"])
    assert (key.id, key.scopes, key.expires_at) == (key_id, ["orders:read"], None)
    assert key.account_id.startswith("acct_") and key.organization_id.startswith("org_")
    assert key.has_scope("orders:read") and not key.has_scope("orders:write")
    assert code(verifier.verify, secret, ["orders:write"]) == "insufficient_scope"
    server.remove(key_id)
    assert code(verifier.verify, secret) == "unknown"
    assert code(verifier.check, secret) == "removed"


def test_an_address_is_judged(server, verifier):
    _, secret = server.issue(ip_allow=["192.0.2.0/24"])
    eventually(lambda: code(verifier.verify, secret) != "unknown")
    assert code(verifier.verify, secret) == "address_not_allowed"
    assert verifier.verify(secret, address="192.0.2.7")
    with pytest.raises(ValueError):
        verifier.verify(secret, address="here")


def test_what_is_counted_the_server_is_asked(server, verifier):
    key_id, secret = server.issue(uses_left=1)
    eventually(lambda: raises_ask(verifier, secret))
    assert verifier.check(secret).id == key_id
    assert code(verifier.check, secret) == "used_up"


def raises_ask(verifier, secret):
    try:
        verifier.verify(secret)
    except keyward.AskServer:
        return True
    except keyward.Refused:
        return False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_removed_is_told_before_the_answer(server, joining):
    removed, threads = [], set()

    def on_remove(what):
        removed.append(what)
        threads.add(threading.get_ident())
        raise ValueError("what this raises is printed, and nothing else comes of it")

    verifier = keyward.Verifier(server.url, joining, name="told", on_remove=on_remove)
    verifier.ready(timeout=30)
    keys = [server.issue() for _ in range(2)]
    held = [verifier.check(secret) for _, secret in keys]
    for index, (key_id, _) in enumerate(keys):
        server.remove(key_id)
        assert removed[index].key_id == key_id
        assert [removed[index].concerns(key) for key in held] == [index == 0, index == 1]
    assert threading.get_ident() not in threads


def test_who_waits_lets_others_run(server):
    wrong = keyward.Verifier(server.url, "kw_live_nothing", name="wrong")
    ran = []
    other = threading.Thread(target=lambda: ran.append(True))
    waiting = threading.Thread(target=lambda: raises_timeout(wrong, ran))
    waiting.start()
    other.start()
    other.join(10)
    assert ran == [True]
    waiting.join()
    assert ran == [True, "waited"] and wrong.trouble and not wrong.is_available
    with pytest.raises(keyward.Unavailable):
        wrong.verify("kw_live_nothing")


def raises_timeout(verifier, ran):
    with pytest.raises(TimeoutError):
        verifier.ready(timeout=1.5)
    ran.append("waited")


def test_what_cannot_be_is_a_value_error(server):
    with pytest.raises(ValueError):
        keyward.Verifier("nowhere", "kw_live_x", name="x")
    with pytest.raises(ValueError):
        keyward.Verifier(server.url, "kw_live_x", name="x").ready(timeout=-1)


def test_after_leaving_it_is_unavailable_and_unknown_to_the_server(server, joining):
    with keyward.Verifier(server.url, joining, name="leaves") as verifier:
        verifier.ready(timeout=30)
        assert "leaves" in server.verifiers()
    with pytest.raises(keyward.Unavailable):
        verifier.verify("kw_live_nothing")
    assert "leaves" not in server.verifiers()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_on_remove_may_not_wait_for_what_calls_it(server, joining):
    raised = []

    def on_remove(_what):
        for wait in (lambda: verifier.check("kw_live_nothing"), verifier.ready, verifier.lapsed, verifier.leave):
            with pytest.raises(RuntimeError) as error:
                wait()
            raised.append(error.value)
        verifier.check("kw_live_nothing")

    verifier = keyward.Verifier(server.url, joining, name="waits", on_remove=on_remove)
    verifier.ready(timeout=30)
    for told in (4, 8):
        key_id, _ = server.issue()
        server.remove(key_id)
        assert len(raised) == told
    assert verifier.is_available and verifier.trouble is None


def test_a_lapse_ends_a_wait(server, joining):
    verifier = keyward.Verifier(server.url, joining, name="lapses")
    verifier.ready(timeout=30)
    with pytest.raises(TimeoutError):
        verifier.lapsed(timeout=0.2)
    waiting = threading.Thread(target=verifier.lapsed)
    waiting.start()
    verifier.leave()
    waiting.join(30)
    assert not waiting.is_alive()


def test_no_log_is_believed_but_the_one_that_is_named(server, joining):
    with pytest.raises(ValueError):
        keyward.Verifier(server.url, joining, name="x", log_key="nothing")
    verifier = keyward.Verifier(server.url, joining, name="believes", log_key=server.log_key())
    verifier.ready(timeout=30)
    # The same key under another name is the key of another log.
    public = base64.b64decode(server.log_key().split("+", 2)[2])
    name = "other.test/log"
    number = hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8]
    other = f"{name}+{number}+{base64.b64encode(public).decode()}"
    doubting = keyward.Verifier(server.url, joining, name="doubts", log_key=other)
    eventually(lambda: doubting.trouble)
    assert "log" in doubting.trouble and not doubting.is_available
