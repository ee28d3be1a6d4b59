"""The fan-out benchmark's peer on python-socketio: `python server.py <port>`."""

import sys

import socketio
import uvicorn

server = socketio.AsyncServer(async_mode="asgi")


@server.event
async def join(sid, room):
    await server.enter_room(sid, room)
    return ()


@server.event
async def say(sid, room, data):
    await server.emit("user-typing", data, room=room, skip_sid=sid)


if __name__ == "__main__":
    uvicorn.run(
        socketio.ASGIApp(server),
        port=int(sys.argv[1]),
        loop="uvloop",
        log_level="warning",
        ws_per_message_deflate=False,
    )
