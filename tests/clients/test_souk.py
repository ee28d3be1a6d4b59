"""Souk as the stock Python client sees it: a request over REST arrives as an event."""

import json
import os
import subprocess
import urllib.request
import uuid

import pytest
import socketio

PATIENCE = 15


@pytest.fixture
def souk(tmp_path):
    """The address of a Souk on a database of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": "0",
        "DATABASE_URL": f"sqlite:{tmp_path / 'souk.db'}",
    }
    with subprocess.Popen(
        [os.environ["SOUK_BIN"]], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            yield program.stdout.readline().split(" on ")[1].strip()
        finally:
            program.kill()


def call(url, path, body, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["data"]


def register(url, role):
    email = f"{role}-{uuid.uuid4()}@example.com"
    body = {"email": email, "password": "a long password", "name": role, "role": role}
    return call(url, "/api/auth/register", body)


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]])
def test_a_request_reaches_a_seller(souk, transports):
    buyer, seller = register(souk, "buyer"), register(souk, "seller")
    with socketio.SimpleClient() as client:
        client.connect(souk, auth={"token": seller["accessToken"]}, transports=transports)
        seller_id = seller["user"]["_id"]
        joined = client.call("join-seller-room", seller_id, timeout=PATIENCE)
        assert joined == {"ok": True, "room": f"seller-{seller_id}"}
        refused = client.call("join-user-room", buyer["user"]["_id"], timeout=PATIENCE)
        assert refused["error"]["code"] == "forbidden"
        published = call(
            souk,
            "/api/marketplace/purchase-requests",
            {
                "title": "A red lamp",
                "description": "For a desk",
                "productType": "physical",
                "quantity": 1,
                "budget": {"min": "20.00", "max": "35.00", "currency": "USD"},
                "urgency": "medium",
            },
            buyer["accessToken"],
        )
        greeting, session, base = client.receive(timeout=PATIENCE)
        assert (greeting, session["userId"]) == ("session", seller_id)
        # What the journal holds ends with its offset, from which a client may recover.
        event, payload, offset = client.receive(timeout=PATIENCE)
        assert (event, payload["_id"]) == ("new-purchase-request", published["_id"])
        assert offset.split(".")[0] == base.split(".")[0] and offset != base


def test_without_a_token_the_connection_is_refused(souk):
    with socketio.SimpleClient() as client, pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(souk)
