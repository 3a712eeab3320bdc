"""The service as it runs in production: `vestibule serve`, in processes of its own, on a free port."""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path

import requests
from flask import Flask

from config.settings import Settings
from tests.support.processes import Running, free_port, start
from tests.support.schema import make_schema
from tests.support.world import SECRET_KEYS
from wsgi import create_app

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 120
ANSWER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A running service. `app` is the same service in this process, on the same database, for setting things up."""

    running: Running
    port: int
    settings: Settings
    app: Flask
    staff_token: str

    def origin(self, slug: str | None = None) -> str:
        """Where a tenant's people go, or the app host."""
        return f"http://{slug + '.' if slug else ''}localhost:{self.port}"

    def get(self, path: str, slug: str | None = None, **headers: str) -> requests.Response:
        """A GET at one of its hosts, with no cookies but those given; redirects are not followed."""
        host = self.origin(slug).removeprefix("http://")
        url = f"http://127.0.0.1:{self.port}{path}"
        return requests.get(url, headers={"Host": host, **headers}, timeout=ANSWER_SECONDS, allow_redirects=False)

    def api(self, method: str, path: str, **options: object) -> requests.Response:
        """A call of the management API with staff's token."""
        headers = {"Host": f"localhost:{self.port}", "Authorization": f"Bearer {self.staff_token}"}
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        return requests.request(method, url, headers=headers, timeout=ANSWER_SECONDS, **options)  # type: ignore[arg-type]


def start_service(
    folder: Path, database_url: str, *, workers: int = 1, port: int | None = None, **variables: str
) -> Service:
    """Migrate the database, start the service on it, and wait until it is ready; `variables` go into its environment."""
    port = port or free_port()
    settings = Settings(
        secret_keys=SECRET_KEYS,
        database_url=database_url,
        app_url=f"http://localhost:{port}",
        tenant_url=f"http://{{slug}}.localhost:{port}",
        rate_limits=False,
    )
    make_schema(database_url)
    app = create_app(settings)
    token = app.test_cli_runner().invoke(args=["token", "create", "--role", "staff"]).output.strip()
    environment = {
        "SECRET_KEYS": ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in SECRET_KEYS.items()),
        "DATABASE_URL": database_url,
        "APP_URL": settings.app_url,
        "TENANT_URL": settings.tenant_url,
        "RATE_LIMITS": "off",
        "PYTHONPATH": str(REPOSITORY),
        **variables,
    }
    command = [sys.executable, "-m", "command", "serve", "--port", str(port), "--workers", str(workers)]
    running = start(command, log=folder / "service.log", folder=folder, environment=environment)
    service = Service(running, port, settings, app, token)
    running.wait_until(lambda: _is_ready(service), seconds=START_SECONDS)
    return service


def _is_ready(service: Service) -> bool:
    try:
        return service.get("/readyz").status_code == 200
    except requests.RequestException:
        return False
