//! Chats and messages.

mod chats;
mod history;
mod messages;
mod notices;
mod races;
mod sockets;
