"""The wire: pure functions from bytes to values and back. No web, no database, no clock of their own.

pysaml2 is made ready here, before any module of the package imports it: its loggers, which print NameIDs and whole
messages, are silent, and its pure-Python schema (0.4 s and 12 MiB at import; nothing of ours uses it) is put off until
somebody validates with it.
"""

from __future__ import annotations

import importlib
import logging
import sys
import types

_SCHEMA_MODULE = "saml2.xml.schema"


class _XMLSchemaError(Exception):
    """Stands for the error class of the module that is put off."""


def _validate(document: object) -> object:
    """Load the real module, once, and validate with it."""
    if sys.modules.get(_SCHEMA_MODULE) is _STAND_IN:
        del sys.modules[_SCHEMA_MODULE]
    schema = importlib.import_module(_SCHEMA_MODULE)
    try:
        return schema.validate(document)
    except schema.XMLSchemaError as error:
        raise _XMLSchemaError(str(error)) from error


_STAND_IN = types.ModuleType(_SCHEMA_MODULE, "Stands for pysaml2's schema module until it is used.")
vars(_STAND_IN).update(validate=_validate, XMLSchemaError=_XMLSchemaError)
sys.modules.setdefault(_SCHEMA_MODULE, _STAND_IN)
logging.getLogger("saml2").setLevel(logging.CRITICAL)
