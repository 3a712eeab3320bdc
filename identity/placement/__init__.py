"""People are placed by what their identity provider says of them; and what rules would do is foreseen (P6)."""
