//! Chats and messages.

mod chats;
mod history;
mod messages;
mod races;
mod sockets;
