//! Accounts: who uses the marketplace, and what others may know of them.
//!
//! What holds always here:
//! - an address is stored in lower case and belongs to one user (`users_email`);
//! - a user is a buyer, a seller or an administrator for good;
//! - what others see is [`events::documents::PublicUser`], which has no address, wallet or code;
//! - only sellers have a payout wallet;
//! - the referrer is set once, at registration, and is another, older user: so there is no
//!   referral of oneself and no cycle (contract §3.7).

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
mod store;
