//! What the parties of a completed deal say about each other (contract §2, "reviews").
//!
//! What holds always here:
//! - a review is of a completed deal, by one of its two parties, about the other one, once;
//! - a user's rating is the sum of the reviews about them, changed in the transaction of each;
//! - reviews stay as they are: nobody changes or deletes them.

mod error;
mod model;
pub mod routes;
pub mod service;
mod store;
