//! Souk: the backend of an escrow marketplace whose every change reaches the people it concerns
//! at once.
//!
//! A change of the marketplace and the events that follow from it are one database transaction
//! ([`journal`]). `ARCHITECTURE.md` tells the whole; [`router`] lists every route.

pub mod app;
pub mod auth;
pub mod bus;
pub mod catalogue;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod delivery;
pub mod disputes;
pub mod docs;
pub mod error;
pub mod evm;
pub mod extract;
pub mod failpoint;
pub mod files;
mod gather;
pub mod health;
pub mod http;
pub mod idempotency;
pub mod jobs;
pub mod journal;
pub mod keyed;
pub mod ledger;
pub mod mailer;
pub mod migrations;
pub mod node;
pub mod notifications;
pub mod notify;
pub mod offers;
pub mod operations;
pub mod outbound;
pub mod payments;
pub mod payouts;
pub mod points;
pub mod realtime;
pub mod requests;
pub mod reviews;
pub mod router;
pub mod seed;
pub mod shkeeper;
pub mod telemetry;
pub mod templates;
pub mod text;
pub mod transfer;
pub mod users;
pub mod webhooks;
