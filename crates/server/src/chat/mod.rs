//! Chats (contract §3.5): direct, group, for a purchase request, and with the support.
//!
//! | type | who takes part | how many |
//! |---|---|---|
//! | `direct` | two users | one for each pair |
//! | `group` | whom its owner adds | any |
//! | `purchase_request` | its buyer and a seller | one for each request and seller |
//! | `support` | a user, and every administrator | one for each user |
//!
//! What holds always here:
//! - a chat is for those who take part in it. Administrators may read every chat, and write where
//!   they take part. Who has left or was removed may no longer know of the chat, as if they had
//!   never been in it; what they wrote stays. Who is added, also again, may read all of it;
//! - messages of a chat are numbered 1, 2, 3, … without gaps. Whoever writes takes the next number
//!   by an update of the chat's row, which is held until the commit: so the numbers, the times, the
//!   commits and the events have one order, and a page is a range of numbers;
//! - a message that is sent again under its `clientMessageId` is not written again;
//! - what is unread are the messages of others behind the number that a participant has read up
//!   to, tombstones among them; it is counted from numbers alone;
//! - whoever changes a chat, who is in it, or its messages locks the chat's row first, then rows of
//!   participants. Reading up to a message locks the own participant's row alone;
//! - who is away, without a live socket, is notified of the first message that they have not read,
//!   and of none that follow it;
//! - content is text, kept as it was sent, and is in no answer but JSON.

mod body;
pub mod error;
mod messages;
pub mod model;
pub mod routes;
pub mod service;
mod store;

pub use body::{
    AddParticipants, ChatQuery, CreateChat, CreateRequestChat, EditMessage, MarkRead, MessageQuery,
    SendMessage,
};
