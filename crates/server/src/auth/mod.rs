//! Sign-in: who is calling.
//!
//! A *sign-in* (`sessions`) starts with a password and lives until it is ended or its refresh
//! token expires. It is the family of the refresh tokens that came one from the other:
//!
//! ```text
//! register, login ──> live ──refresh──> live …
//!                      ├── logout, password change or reset ──> ended
//!                      ├── a used refresh token comes again ──> ended (reuse)
//!                      └── no refresh within REFRESH_TOKEN_TTL ──> expired
//! ```
//!
//! What holds always here:
//! - a refresh token is used once ([`model::judge`]); of many at once one wins. Any other use
//!   means that it was copied, and ends the sign-in for both holders (RFC 9700 §4.14.2);
//! - the end of a sign-in is journaled in the transaction that ends it, so every node refuses its
//!   access tokens and closes its sockets ([`crate::journal::Control::SessionEnded`]);
//! - roles come from the database at each refresh, never from an old token;
//! - of every secret only the hash is stored ([`secrets`]), and mails are made when they are sent
//!   ([`mails`]), so the database never holds a link that works;
//! - nothing here tells whether an address has an account but `register`, which must.

pub mod attempts;
mod cookies;
pub mod error;
pub mod mails;
pub mod model;
pub mod password;
pub mod routes;
pub(crate) mod secrets;
pub mod service;
mod store;
pub mod tokens;
