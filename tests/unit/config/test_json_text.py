"""JSON as text: what the standard library writes, by encoders that are made once."""

from __future__ import annotations

import json
from json import encoder as parts
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.json_text import compact_json, json_writer, plain_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(VALUES)
def test_it_is_what_the_standard_library_writes(value: Any) -> None:
    """Separators and escapes alike: what is stored and sealed must not change with who wrote it."""
    assert plain_json(value) == json.dumps(value)
    assert compact_json(value) == json.dumps(value, separators=(",", ":"))


def test_what_json_has_no_form_for_is_an_error() -> None:
    """And not a text that happens to stand for it."""
    with pytest.raises(TypeError, match="object"):
        plain_json({"value": [object()]})


def test_a_python_without_that_encoder_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The C in the standard library is an addition to it (PEP 399)."""
    monkeypatch.setattr(parts, "c_make_encoder", None)
    value = {"ä": ["\u2028", 1.5, None, True, {}]}
    assert json_writer()(value) == json.dumps(value)
