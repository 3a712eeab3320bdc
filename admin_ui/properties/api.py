"""Edges of the management API for properties of the service, for staff alone (I1, M2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from admin_ui.properties.changing import all_properties, change_properties
from admin_ui.properties.forms import PropertiesPatch, PropertyPage, properties_document
from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint, api_of
from tenants.roles import ONBOARD

LIST = "/properties"

properties_api = ManagementBlueprint("api_properties", __name__, description="Properties of the service")


def install_properties_api(app: Flask) -> None:
    """Put these operations into the application."""
    api_of(app).register_blueprint(properties_api)


@properties_api.operation("GET", LIST, ONBOARD, answers={200: PropertyPage})
def get_properties() -> dict[str, Any]:
    """List the service's properties with their values."""
    return properties_document(all_properties())


@properties_api.operation("PATCH", LIST, ONBOARD, body=PropertiesPatch, answers={200: PropertyPage})
def patch_properties(body: Mapping[str, Any]) -> dict[str, Any]:
    """Change properties; what is left out stays, null is the default. It holds everywhere within five seconds."""
    wanted = {name.replace("__", "."): value for name, value in body.items()}
    with transaction():
        return properties_document(change_properties(wanted, actor=caller().actor, now=now()))
