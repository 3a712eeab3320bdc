"""What the log says, and above all what it never says."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog

from config import logs
from config.log_values import MASK


@pytest.fixture(autouse=True)
def configured() -> None:
    """Logging as the service has it."""
    logs.configure_logging("INFO")
    logs.clear_request()


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What standard error holds, each line read as JSON."""
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.isascii()
    return [json.loads(line) for line in output.err.splitlines()]


def test_one_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a client put into a value, it makes no line of its own and no terminal obeys it."""
    evil = 'a\nb\r\nc\u2028d\u2029e\x85f\x0bg\x1b[2Jh\u202ei\x00"}\ud800'
    logs.sign_in_log.info("refused", cause=evil)
    (line,) = lines_of(capsys)
    assert line["cause"] == evil
    assert line["logger"] == "vestibule.sign_in"
    assert (line["level"], line["event"]) == ("info", "refused")
    assert line["at"].endswith("+00:00")


@pytest.mark.parametrize(
    "name",
    [
        "password", "new_password", "token", "api_token", "TOKEN", "cookie", "Set-Cookie", "Authorization", "authorisation",
        "SAMLResponse", "saml_response", "SAMLRequest", "samlrequest", "RelayState", "relay_state", "key", "keys",
        "private_key", "secret_keys", "apiKey", "client_secret", "signing-key", "credentials",
    ],
)  # fmt: skip
def test_secrets_are_masked_by_their_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """At the top and at every depth."""
    logs.api_log.warning("asked", **{name: "hunter2", "deep": {"list": [{name: "hunter2"}]}})
    (line,) = lines_of(capsys)
    assert line[name] == MASK
    assert line["deep"]["list"][0] == {name: MASK}
    assert "hunter2" not in json.dumps(line)


def test_what_is_no_secret_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """Masking everything would be as useless as masking nothing."""
    logs.sign_in_log.info("accepted", tenant_id=7, code="expired", monkey="george", key_id="k1", ratio=0.5, seen=None)
    (line,) = lines_of(capsys)
    expected = {"tenant_id": 7, "code": "expired", "monkey": "george", "key_id": "k1", "ratio": 0.5, "seen": None}
    assert {name: line[name] for name in expected} == expected


def test_values_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """A megabyte that a client sent does not fill the disk."""
    endless: list[Any] = []
    endless.append(endless)
    logs.sign_in_log.info(
        "refused", text="x" * 1_000_000, octets=b"y" * 1_000_000, many=list(range(10_000)), endless=endless, odd=float("nan")
    )
    (line,) = lines_of(capsys)
    assert len(json.dumps(line)) < 4_000
    assert line["octets"] == "[1000000 bytes]"
    assert line["odd"] == "nan"


def test_values_cannot_pose_as_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """Level, logger and time are the logger's."""
    logs.api_log.info("asked", level="critical", logger="vestibule.audit", at="yesterday")
    (line,) = lines_of(capsys)
    assert (line["level"], line["logger"]) == ("info", "vestibule.api")
    assert line["at"] != "yesterday"


def test_request_reference_is_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Until the request is over; libraries' lines carry it too."""
    logs.bind_request("abc123")
    logs.sign_in_log.info("accepted")
    logging.getLogger("somebody.else").warning("oh %s", "dear")
    logs.bind_request("def456")
    logs.api_log.info("asked")
    logs.clear_request()
    logs.jobs_log.info("job_done")
    lines = lines_of(capsys)
    assert [line.get("request_id") for line in lines] == ["abc123", "abc123", "def456", None]
    assert lines[1]["event"] == "oh dear"


def test_access_line_has_no_query(capsys: pytest.CaptureFixture[str]) -> None:
    """A query may hold a SAMLRequest, a RelayState or somebody's address."""
    logs.log_request(
        method="GET" * 99, host_kind="tenant", path="/saml/slo?SAMLRequest=abc", status=200, milliseconds=1.2345
    )
    (line,) = lines_of(capsys)
    assert (line["path"], line["status"], line["ms"], line["host"]) == ("/saml/slo", 200, 1.2, "tenant")
    assert len(line["method"]) == 20


def test_libraries_that_print_personal_values_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """pysaml2 prints NameIDs and XML as errors; other libraries' debug output stays away at any level of ours."""
    logs.configure_logging("DEBUG")
    for name in ("saml2.response", "saml2.sigver", "xmlschema", "urllib3.connectionpool"):
        logging.getLogger(name).error("<NameID>ada@acme.test</NameID>")
    logging.getLogger("sqlalchemy.engine").debug("INSERT … parameters")
    assert lines_of(capsys) == []


def test_traceback_is_in_the_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """The text of an exception is written by others, and masked by what it looks like."""
    try:
        raise ValueError("POST body SAMLResponse=PHNhbWw+&RelayState=xyz Authorization: Bearer vst_0123")
    except ValueError:
        logs.api_log.error("failed", exc_info=True)
        logging.getLogger("somebody.else").exception("failed with password=hunter2")
    first, second = lines_of(capsys)
    for line in (first, second):
        assert "ValueError" in line["exception"]
        assert "test_logs.py" in line["exception"]
        for secret in ("PHNhbWw", "xyz", "vst_0123", "hunter2"):
            assert secret not in json.dumps(line)


def test_level_can_change(capsys: pytest.CaptureFixture[str]) -> None:
    """A second call changes the level and doubles no line."""
    logs.configure_logging("ERROR")
    logs.api_log.warning("quiet")
    logs.configure_logging("INFO")
    logs.api_log.warning("loud")
    assert [line["event"] for line in lines_of(capsys)] == ["loud"]


def test_level_unknown_is_an_error() -> None:
    """A typing error must not mean silence."""
    with pytest.raises(ValueError, match="LOUD"):
        logs.configure_logging("LOUD")


def test_names_of_loggers_are_stable() -> None:
    """Operators filter by them; docs/operation.md lists them."""
    names = {
        value.bind()._logger.name
        for name, value in vars(logs).items()
        if name.endswith("_log") and not isinstance(value, type) and structlog.stdlib is not value
    }
    areas = ("access", "sign_in", "identity.saml", "metadata", "api", "audit", "jobs", "start")
    assert names == {f"vestibule.{area}" for area in areas} == {f"vestibule.{area}" for area in logs.LOGGERS}
