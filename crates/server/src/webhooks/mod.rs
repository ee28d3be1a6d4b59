//! Webhooks to other programs: the journal's events, signed and sent over HTTP.
//!
//! ```text
//! journal ─ cursor ─► pending ─┬─ answered 2xx ─► delivered
//!                        ▲     └─ tried too often, or too old ─► dead
//!                        └──────────── an administrator's retry ────┘
//! ```
//! What holds always here:
//! - deliveries are made from the journal by a cursor for each endpoint, in the transaction that
//!   moves the cursor: none is lost, none is made twice. An event may be sent more than once, under
//!   the same `webhook-id`;
//! - an endpoint gets its events one after the other, in the journal's order: the next one waits
//!   until the one before is delivered or dead. One node at a time sends to an endpoint;
//! - what is meant for one user alone (a delivery code) is sent to no endpoint;
//! - a body is signed by the Standard Webhooks scheme ([`signature`]);
//! - an endpoint is no way into the operator's own network: a target is checked after its name was
//!   resolved, and the connection goes to the checked address ([`target`]). Redirects are not
//!   followed.

mod model;
pub mod routes;
pub mod run;
pub mod service;
pub mod signature;
mod store;
pub mod target;
