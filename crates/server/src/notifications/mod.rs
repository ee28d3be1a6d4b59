//! What users are told of the steps of their deals, of messages and of points (contract §3.6).
//!
//! What holds always here:
//! - a notification is stored in the transaction of the step that it tells of. [`notify`] only
//!   remembers it; [`Tx::commit`](crate::journal::Tx::commit) stores what was remembered, user by
//!   user in the order of their ids, so that two transactions never wait for each other here;
//! - the number of unread ones is a row of its own, which is locked before any notification of
//!   the user is touched. So it is always the number of unread rows, `unread-count-update` tells
//!   each value once and in order, and the last one told is what REST says;
//! - a category that the user switched off is not stored at all; mail goes only to those who asked
//!   for it, and only to an address that was shown to be theirs;
//! - a notification refers to things by their ids and tells nothing that its owner may not know.
//!
//! [`notify`]: service::notify

pub mod mail;
mod model;
mod notice;
pub mod routes;
pub mod service;
mod store;

pub use model::{Category, Channels, NotificationQuery, Preferences};
pub use notice::{Deal, Notice};
