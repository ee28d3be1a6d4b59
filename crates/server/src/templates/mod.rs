//! Request templates, and checkouts of them (contract §3.3).
//!
//! A template is what a seller sells again and again: a price, a stock of uses, an end, and a link
//! that cannot be guessed. A checkout takes uses of one or more templates and makes one request
//! for each of their sellers, with an offer that is accepted already, so that from there on it is
//! a deal like any other:
//!
//! ```text
//! checkout ─► pending ─┬─ paid ───► paid    (its requests: pending_payment ─► processing)
//!                      │             └─ reversed by its chain ─┐
//!                      └─ failed ─────────────────────────────► failed
//!                                   (its requests: cancelled; uses given back)
//! ```
//!
//! What holds always here:
//! - the uses of a template are taken by a conditional update and never pass its `maxUsage`,
//!   whatever is asked for at once; the database checks it too;
//! - a checkout is in one currency, and each seller has one request of it;
//! - a checkout leaves each state once. Who makes it fail cancels its requests and gives the uses
//!   back in the same transaction, so neither happens twice;
//! - what a template cost is fixed in the checkout that takes it: a later change of the template
//!   changes no deal;
//! - locks: a checkout's requests in the order of their ids, then the checkout, then templates in
//!   the order of theirs.

mod body;
pub mod checkout;
pub mod error;
pub mod model;
pub mod routes;
pub mod service;
mod store;

pub use body::{
    Checkout, CheckoutItem, CheckoutStatus, CreateCheckout, CreateTemplate, RequestTemplate,
    TemplateItem, TemplateQuery, UpdateTemplate,
};
