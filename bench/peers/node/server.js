// The fan-out benchmark's peer on socket.io: `node server.js <port>`.
const { Server } = require("socket.io");

const io = new Server(Number(process.argv[2]), { serveClient: false });

io.on("connection", (socket) => {
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack?.();
  });
  socket.on("say", (room, data) => {
    socket.to(room).emit("user-typing", data);
  });
});
