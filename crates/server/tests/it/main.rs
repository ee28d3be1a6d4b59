//! All integration tests, in one program: one file per slice, [`support`] for all of them.
//!
//! Each test has a database of its own. `app_test!` runs it on SQLite and, where
//! `SOUK_TEST_POSTGRES_URL` names a server, on PostgreSQL.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "so tests fail")]

mod across;
mod auth;
mod authorization;
mod bad_input;
mod bus;
mod catalogue;
mod chat;
mod checkout;
mod console;
mod database;
mod deal;
mod deal_history;
mod delivery;
mod disputes;
mod drills;
mod evm;
mod files;
mod journal;
mod ledger;
mod market_history;
mod market_races;
mod nodes;
mod notifications;
mod offers;
mod passwords;
mod payments;
mod payouts;
mod points;
mod realtime;
mod recovery;
mod requests;
mod requests_seen;
mod reviews;
mod seed;
mod shkeeper;
mod sign_ins;
#[allow(dead_code, reason = "a kit: not every part has a user at all times")]
mod support;
mod templates;
mod transfer;
mod users;
mod webhooks;
