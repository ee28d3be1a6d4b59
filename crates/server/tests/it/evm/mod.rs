//! Payments from wallets, on a real chain.

pub mod chain;
mod checkouts;
mod intents;
mod outages;
mod payments;
mod payouts;
mod refusals;
mod reorganisations;
