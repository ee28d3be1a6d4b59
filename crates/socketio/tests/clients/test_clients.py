"""Stock python-socketio against the demo server."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path

import pytest
import socketio

TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]]


@pytest.fixture(scope="module")
def url():
    built = os.environ.get("SOCKETIO_EXAMPLE_BIN")
    if built:
        command = [str(Path(built).parent / "demo"), "0"]
    else:
        command = ["cargo", "run", "-q", "-p", "souk-socketio", "--example", "demo", "--", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=TRANSPORTS, ids="+".join)
def client(request, url):
    with socketio.SimpleClient() as client:
        client.connect(url, transports=request.param)
        yield client


def test_acknowledgement(client):
    assert client.call("echo", (1, "ü", {"three": [True]})) == (1, "ü", {"three": [True]})


def test_bytes_in_both_directions(client):
    data = bytes(range(256)) * 4
    client.emit("blob", data)
    assert client.receive(timeout=10) == ["blob", 1024, data]
    assert client.call("echo", {"nested": [b"a", b"bc"]}) == {"nested": [b"a", b"bc"]}


def test_order(client):
    for number in range(300):
        client.emit("order", number)
    assert [client.receive(timeout=10) for _ in range(300)] == [["ordered", n] for n in range(300)]


def test_rooms(client, url):
    with socketio.SimpleClient() as other:
        other.connect(url, transports=["websocket"])
        assert other.call("join", "a") == "joined"
        client.emit("say", ("a", "hi"))
        assert other.receive(timeout=10) == ["said", "hi"]


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
def test_refusal(url, transports):
    client = socketio.Client()
    errors = []
    client.on("connect_error", errors.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(url, transports=transports, auth={"token": "wrong"}, retry=False)
    assert errors == [{"message": "unauthorized", "data": {"code": "token_invalid"}}]


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
def test_asked_by_the_server(url, transports):
    client = socketio.Client()
    client.on("question", lambda number: number + 1)
    client.connect(url, transports=transports)
    try:
        assert client.call("ask", 41) == 42
    finally:
        client.disconnect()


def test_asyncio_client(url):
    async def run():
        client = socketio.AsyncSimpleClient()
        await client.connect(url)
        try:
            return await client.call("echo", "hi")
        finally:
            await client.disconnect()

    assert asyncio.run(run()) == "hi"


def test_reconnects_after_a_cut(url):
    client = socketio.Client(reconnection_delay=0.01)
    connects = threading.Semaphore(0)
    client.on("connect", connects.release)
    client.connect(url)
    try:
        assert connects.acquire(timeout=10)
        client.emit("cut")
        assert connects.acquire(timeout=10), "connected again"
        assert client.call("echo", "back") == "back"
    finally:
        client.disconnect()
