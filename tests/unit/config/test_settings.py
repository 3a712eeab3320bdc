"""The service does not start with settings that it could not keep."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.database import engine_options
from config.settings import Settings, SettingsInvalid, settings_from_environment

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32)).decode()


def read(**environment: str) -> Settings:
    """Settings from these variables and a good key."""
    return settings_from_environment({"SECRET_KEYS": f"k1:{KEY}"} | environment)


def test_defaults_are_for_one_machine() -> None:
    """The addresses that INTERFACES promise."""
    settings = read()
    assert settings.app_url == "http://localhost:8000"
    assert settings.tenant_origin("acme") == "http://acme.localhost:8000"
    assert settings.database_url == f"sqlite:///{Path('var/vestibule.db').absolute()}"
    assert settings.trusted_proxies == 0
    assert settings.rate_limits is True


@pytest.mark.parametrize(
    "keys",
    ["", "k1", "k1:", "k1:short=", f":{KEY}", f"k 1:{KEY}", f"k1:{KEY}x", "k1:" + base64.b64encode(bytes(31)).decode()],
)
def test_without_good_keys_it_does_not_start(keys: str) -> None:
    """And says how to make one, without repeating what was given."""
    with pytest.raises(SettingsInvalid, match="Make one with") as refused:
        settings_from_environment({"SECRET_KEYS": keys})
    assert KEY not in str(refused.value)


def test_first_key_is_the_active_one() -> None:
    """Order is what rotates keys."""
    assert list(read(SECRET_KEYS=f"new:{OTHER_KEY}, old:{KEY}").secret_keys) == ["new", "old"]


def test_keys_are_not_printed() -> None:
    """Settings end up in tracebacks."""
    settings = read(SMTP_URL="smtp://user:hunter2@mail")
    assert "hunter2" not in repr(settings)
    assert "x01" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgres://db/x", "postgresql+psycopg://db/x"),
        ("postgresql://db/x", "postgresql+psycopg://db/x"),
        ("postgresql+psycopg://db/x", "postgresql+psycopg://db/x"),
        ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
    ],
)
def test_database_url(given: str, meant: str) -> None:
    """What hosting companies hand out is understood."""
    assert read(DATABASE_URL=given).database_url == meant


@pytest.mark.parametrize("url", ["mysql://db/x", "oracle://db/x", "var/vestibule.db", "http://db/x"])
def test_another_kind_of_database_is_refused_in_one_sentence(url: str) -> None:
    """Not by a traceback about a driver."""
    with pytest.raises(SettingsInvalid, match="DATABASE_URL must begin with"):
        read(DATABASE_URL=url)


def test_relative_database_is_where_the_process_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For everything that opens it: the command, the migrations and the service mean one file."""
    monkeypatch.chdir(tmp_path)
    assert read(DATABASE_URL="sqlite:///x.db").database_url == f"sqlite:///{os.path.realpath(tmp_path)}/x.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_URL", "login.example.com"),
        ("APP_URL", "ftp://login.example.com"),
        ("APP_URL", "https://login.example.com/app"),
        ("TENANT_URL", "https://example.com"),
        ("TENANT_URL", "https://{slug}.{slug}.example.com"),
        ("TENANT_URL", "https://x-{slug}.example.com"),
        ("TENANT_URL", "https://example.com/{slug}"),
        ("TRUSTED_PROXIES", "many"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "9"),
        ("METADATA_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("METADATA_ALLOWED_NETWORKS", "intranet"),
        ("DNS_RESOLVERS", "ns.example.com"),
        ("DNS_RESOLVERS", "192.0.2.1:0"),
        ("DNS_RESOLVERS", "192.0.2.1:65536"),
        ("DNS_RESOLVERS", "192.0.2.1, [2001:db8::1"),
        ("DNS_RESOLVERS", "192.0.2.1:port"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_mistake_is_named(name: str, value: str) -> None:
    """The sentence says which variable."""
    with pytest.raises(SettingsInvalid, match=name):
        read(**{name: value})


def test_resolvers_are_addresses_with_or_without_a_port() -> None:
    """Both versions of IP; brackets are needed where a port follows the longer one."""
    read_ones = read(DNS_RESOLVERS="192.0.2.1, 192.0.2.2:5353,2001:db8::1, [2001:db8::2]:5353,[2001:db8::3]").dns_resolvers
    assert [(str(one.address), one.port) for one in read_ones] == [
        ("192.0.2.1", 53),
        ("192.0.2.2", 5353),
        ("2001:db8::1", 53),
        ("2001:db8::2", 5353),
        ("2001:db8::3", 53),
    ]
    assert read().dns_resolvers == ()


def test_everything_can_be_set() -> None:
    """As a deployment behind a proxy does."""
    settings = read(
        APP_URL="https://login.example.com/",
        TENANT_URL="https://{slug}.example.com",
        TRUSTED_PROXIES="1",
        METADATA_ALLOWED_NETWORKS="10.0.0.0/8, fd00::/8",
        METADATA_DIRECTORY="/srv/metadata",
        RATE_LIMITS="off",
        LOG_LEVEL="warning",
    )
    assert settings.app_url == "https://login.example.com"
    assert settings.tenant_origin("acme") == "https://acme.example.com"
    assert [str(network) for network in settings.metadata_allowed_networks] == ["10.0.0.0/8", "fd00::/8"]
    assert settings.metadata_directory == Path("/srv/metadata")
    assert settings.rate_limits is False
    assert settings.log_level == "WARNING"


def test_errors_of_the_database_hold_no_values() -> None:
    """Their text goes into the log, with what a statement was given."""
    url = "sqlite:///:memory:"
    with sa.create_engine(url, **engine_options(url)).connect() as connection, pytest.raises(sa.exc.OperationalError) as error:
        connection.execute(sa.text("SELECT * FROM nowhere WHERE email = :email"), {"email": "ada@acme.test"})
    assert "ada@acme.test" not in str(error.value)


@pytest.mark.parametrize("keys", [f"k1:{KEY},k1:{OTHER_KEY}", f"k1:{KEY}é", "k1:é"])
def test_keys_that_could_not_be_told_apart_or_read(keys: str) -> None:
    """Of two keys with one id the second would win, and what the first has sealed would be lost."""
    with pytest.raises(SettingsInvalid, match="SECRET_KEYS"):
        settings_from_environment({"SECRET_KEYS": keys})


@pytest.mark.parametrize(
    "url", ["https://user@host", "https://user:pw@host", "http://host:99999", "http://host:x", "http://[", "https://é"]
)
def test_an_origin_is_a_scheme_a_host_and_a_port(url: str) -> None:
    """Nothing that some parts of the service would read otherwise than others."""
    with pytest.raises(SettingsInvalid, match="APP_URL"):
        read(APP_URL=url)


def test_the_databases_password_is_not_printed() -> None:
    """Nor is that of the mail server."""
    assert "hunter2" not in repr(read(DATABASE_URL="postgresql://vestibule:hunter2@db/vestibule"))
