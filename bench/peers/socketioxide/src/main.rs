//! The fan-out benchmark's peer on socketioxide: `peer-socketioxide <port>`.

use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

async fn on_connect(socket: SocketRef) {
    socket.on("join", async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
        socket.join(room);
        let _ = ack.send(&());
    });
    socket.on("say", async |socket: SocketRef, Data::<(String, serde_json::Value)>((room, data))| {
        let _ = socket.to(room).emit("user-typing", &data).await;
    });
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("a port is missing")?.parse()?;
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", on_connect);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}
