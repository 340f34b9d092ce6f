# An identity provider for tests that others wrote: PyPI's Canaille, with its own login page, one person and one client.
# It gives a new refresh token for each one used. Usage: python canaille_peer.py <port> <redirect address> <empty folder>
# [<one more scope>]; with a scope, the client's secret comes in the form.

import datetime
import logging
import sys
import threading
import time

from canaille import create_app
from canaille.app import models
from canaille.app.installation import install
from canaille.backends import Backend
from flask import request
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

port, redirect, folder, *more = sys.argv[1:]


class Http11(WSGIRequestHandler):
    """Keeps connections open, as servers do."""

    protocol_version = "HTTP/1.1"


app = create_app(
    {
        "SECRET_KEY": "for tests",
        "SERVER_NAME": f"127.0.0.1:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "sql", "LOGGING": None},
        "CANAILLE_SQL": {"DATABASE_URI": f"sqlite:///{folder}/canaille.sqlite", "PASSWORD_SCHEMES": "plaintext"},
        "CANAILLE_OIDC": {
            "REQUIRE_NONCE": not more,
            "ACTIVE_JWKS": [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)],
        },
    }
)
with app.app_context():
    install(app)
    with Backend.instance.session():
        ada = models.User(
            user_name="ada",
            password="correct-horse-battery",
            emails=["ada@example.org"],
            formatted_name="Ada",
            family_name="Ada",
        )
        Backend.instance.save(ada)
        client = models.Client(
            client_id="oo",
            client_secret="oo-secret-oo-secret-oo-secret-oo",
            client_name="oO",
            client_uri=redirect.rsplit("/", 3)[0],
            redirect_uris=[redirect],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=["openid", "profile", "email", "offline_access", *more],
            token_endpoint_auth_method="client_secret_post" if more else "client_secret_basic",
            client_id_issued_at=datetime.datetime.now(datetime.timezone.utc),
        )
        client.audience = [client]
        Backend.instance.save(client)

one_at_a_time = threading.Lock()


@app.before_request
def each_in_its_own_second():
    """Two tokens of one second are alike, and Canaille keeps only unlike ones: it would answer the second with 500."""
    if request.path.endswith("/oauth/token"):
        with one_at_a_time:
            time.sleep(1.01 - time.time() % 1)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
make_server("127.0.0.1", int(port), app, threaded=True, request_handler=Http11).serve_forever()
