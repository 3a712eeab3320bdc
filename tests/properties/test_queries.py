"""The query of an address, held against werkzeug's reading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from identity.form_body import read_query


@given(st.text(alphabet="ab=&+%2fFe9cé;#?/", max_size=24).map(lambda text: text.replace("#", "")))
def test_a_query_is_read_as_werkzeug_reads_it(query: str) -> None:
    """Escapes, broken ones too, blanks, names without a value and names that come twice."""
    environ = EnvironBuilder().get_environ()
    environ["QUERY_STRING"] = query.encode().decode("latin-1")
    assert read_query(query) == Request(environ).args.to_dict()
