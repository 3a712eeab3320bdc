"""The floor: the least that Flask, lxml, cryptography and one INSERT can do for a sign-in and for a start.

It trusts what it should not, keeps nothing that one could ask for, and knows one tenant: nobody could run it. It says how
much of the product's time is the price of the tools, and is served by the same gunicorn under the same options.
"""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import hashlib
import secrets
import sqlite3
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Flask, Response, abort, redirect, request
from lxml import etree
from werkzeug.wrappers import Response as WerkzeugResponse

from config.serve import serve

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
TABLE = "CREATE TABLE IF NOT EXISTS floor (token text PRIMARY KEY, held text NOT NULL, at text NOT NULL)"
AUTHN_REQUEST = (
    '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
    ' AssertionConsumerServiceURL="http://acme.localhost:8000/saml/acs" Destination="https://idp.bench.test/sso"'
    ' ID="{id}" IssueInstant="{now}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Version="2.0">'
    '<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">http://acme.localhost:8000/saml/metadata</saml:Issuer>'
    '{signature}<samlp:NameIDPolicy AllowCreate="true" Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">'
    "</samlp:NameIDPolicy></samlp:AuthnRequest>"
)
SIGNED_INFO = (
    f'<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}">'
    f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{RSA_SHA256}"></ds:SignatureMethod>'
    '<ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm='
    '"http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>'
    f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms>'
    '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
    "<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
)
SIGNATURE = (
    '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>'
    "</ds:Signature>"
)
PAGE = (
    '<!doctype html><title>One moment</title><form method="post" action="https://idp.bench.test/sso">'
    '<input type="hidden" name="SAMLRequest" value="{message}"><input type="hidden" name="RelayState" value="{relay_state}">'
    "<button>Continue</button></form>"
)
Insert = Callable[[str, str, str], None]


def floor_app(insert: Insert, idp_key: rsa.RSAPublicKey, own_key: rsa.RSAPrivateKey) -> Flask:
    """An application with the three routes that are measured."""
    app = Flask("floor", static_folder=None)
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()

    @app.post("/saml/acs")
    def acs() -> WerkzeugResponse:
        root: Any = etree.fromstring(base64.b64decode(request.form["SAMLResponse"]), parser)
        assertion = root.find(f"{SAML}Assertion")
        signature = assertion.find(f"{DS}Signature")
        signed_info = signature[0]
        assertion.remove(signature)
        digest = hashlib.sha256(etree.tostring(assertion, method="c14n", exclusive=True)).digest()
        if digest != base64.b64decode(signed_info.findtext(f"{DS}Reference/{DS}DigestValue")):
            abort(403)
        octets = etree.tostring(signed_info, method="c14n", exclusive=True)
        idp_key.verify(base64.b64decode(signature.findtext(f"{DS}SignatureValue")), octets, pkcs1, sha256)
        name_id = assertion.findtext(f"{SAML}Subject/{SAML}NameID")
        response = redirect("/", 303)
        response.set_cookie("floor", _kept(insert, name_id), secure=True, httponly=True, samesite="Lax")
        return response

    @app.get("/post")
    def start_by_post() -> Response:
        identifier = "_" + secrets.token_hex(20)
        now = _instant()
        digest = hashlib.sha256(AUTHN_REQUEST.format(id=identifier, now=now, signature="").encode()).digest()
        signed_info = SIGNED_INFO.format(id=identifier, digest=base64.b64encode(digest).decode())
        value = base64.b64encode(own_key.sign(signed_info.encode(), pkcs1, sha256)).decode()
        signature = SIGNATURE.format(signed_info=signed_info, value=value)
        message = base64.b64encode(AUTHN_REQUEST.format(id=identifier, now=now, signature=signature).encode()).decode()
        response = Response(PAGE.format(message=message, relay_state=_kept(insert, identifier)), mimetype="text/html")
        response.set_cookie("floor", secrets.token_urlsafe(32), secure=True, httponly=True, samesite="None", max_age=600)
        return response

    @app.get("/redirect")
    def start_by_redirect() -> WerkzeugResponse:
        identifier = "_" + secrets.token_hex(20)
        compressor = zlib.compressobj(wbits=-15)
        deflated = compressor.compress(AUTHN_REQUEST.format(id=identifier, now=_instant(), signature="").encode())
        message = quote(base64.b64encode(deflated + compressor.flush()), safe="")
        relay_state = _kept(insert, identifier)
        query = f"SAMLRequest={message}&RelayState={relay_state}&SigAlg={quote(RSA_SHA256, safe='')}"
        value = quote(base64.b64encode(own_key.sign(query.encode(), pkcs1, sha256)), safe="")
        response = redirect(f"https://idp.bench.test/sso?{query}&Signature={value}", 302)
        response.set_cookie("floor", secrets.token_urlsafe(32), secure=True, httponly=True, samesite="None", max_age=600)
        return response

    return app


def inserter(database: str) -> Insert:
    """One INSERT, committed, by the driver alone: a prepared statement on a connection for each thread."""
    local = threading.local()
    if database.endswith(".db"):
        statement = "INSERT INTO floor VALUES (?, ?, ?)"

        def connect_sqlite() -> sqlite3.Connection:
            connection = sqlite3.connect(database, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            return connection

        def insert_sqlite(*values: str) -> None:
            if not hasattr(local, "connection"):
                local.connection = connect_sqlite()
            local.connection.execute(statement, values)

        connect_sqlite().execute(TABLE)
        return insert_sqlite

    def insert_postgresql(*values: str) -> None:
        if not hasattr(local, "connection"):
            local.connection = psycopg.connect(database, autocommit=True)
        local.connection.execute("INSERT INTO floor VALUES (%s, %s, %s)", values, prepare=True)

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLE)
    return insert_postgresql


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True, help="a file that ends in .db, or what psycopg connects to")
    parser.add_argument("--idp-key", type=Path, required=True, help="PEM, public")
    parser.add_argument("--own-key", type=Path, required=True, help="PEM, private")
    arguments = parser.parse_args()
    idp_key = serialization.load_pem_public_key(arguments.idp_key.read_bytes())
    own_key = serialization.load_pem_private_key(arguments.own_key.read_bytes(), password=None)
    assert isinstance(idp_key, rsa.RSAPublicKey)
    assert isinstance(own_key, rsa.RSAPrivateKey)
    app = floor_app(inserter(arguments.database), idp_key, own_key)
    serve(app, host="127.0.0.1", port=arguments.port, workers=1, in_worker=lambda: None)


def _kept(insert: Insert, held: str) -> str:
    token = secrets.token_urlsafe(24)
    insert(token, held, _instant())
    return token


def _instant() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()
