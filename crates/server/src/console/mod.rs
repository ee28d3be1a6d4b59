//! The console: its pages, and what they show beyond the API of the slices.
//!
//! What holds always here: it only reads. What an operator does goes through the routes of the
//! slices. Delivery codes, which are for their holders alone, are never shown.

mod assets;
mod gauges;
mod metrics;
mod model;
pub mod routes;
mod store;

pub use gauges::{Gauges, run};
