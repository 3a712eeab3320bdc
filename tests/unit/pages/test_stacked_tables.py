"""Tables say each column's name in each cell, so that a narrow window can show rows as cards."""

from __future__ import annotations

import pytest
from jinja2 import Environment
from lxml import html
from markupsafe import Markup

from admin_ui.stacked_tables import stacked

TEMPLATE = """{% filter stacked %}<div class="scroll"><table><thead><tr><th class="pick"><input type="checkbox"></th>
<th scope="col"><a href="?sort=x">{{ heading }}</a></th><th scope="col">Second "one"</th>
<th><span class="hidden-words">Change</span></th></tr></thead><tbody>
{% for value in values %}<tr><td class="pick"></td><td>{{ value }}</td><td title="{{ value }}">2</td><td></td></tr>{% endfor %}
</tbody></table></div>{% endfilter %}"""
HOSTILE = ("</td></tr><tr><td>", '"><td data-column="', "<th>", "</thead>", "&lt;td&gt;", "<td", "\\1 \\g<0>")


def rendered(heading: str, *values: str) -> html.HtmlElement:
    """A page with such a table."""
    environment = Environment(autoescape=True)
    environment.filters["stacked"] = stacked
    return html.fromstring(environment.from_string(TEMPLATE).render(heading=heading, values=values))


def test_each_cell_has_its_column_s_name() -> None:
    """As it reads: of a link its words, and nothing where only a screen reader is told."""
    table = rendered("First", "a", "b").find(".//table")
    assert "data-stacked" in table.attrib
    names = [cell.get("data-column") for cell in table.iter("td")]
    assert names == ["", "First", 'Second "one"', ""] * 2


def test_what_people_are_called_moves_no_column() -> None:
    """Values and headings that look like parts of a table stay text."""
    for text in HOSTILE:
        table = rendered(text, *HOSTILE).find(".//table")
        rows = [[(cell.get("data-column"), cell.text_content()) for cell in row.iter("td")] for row in table.iter("tr")][1:]
        assert rows == [[("", ""), (text, value), ('Second "one"', "2"), ("", "")] for value in HOSTILE]
        assert [cell.get("title") for cell in table.iter("td")][2::4] == list(HOSTILE)


def test_a_cell_beyond_the_head_is_a_fault_of_the_template() -> None:
    """It has no name, and would stand there without one."""
    with pytest.raises(IndexError):
        stacked(Markup("<table><thead><tr><th>One</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"))
