//! The tree of categories that requests are filed under.
//!
//! What holds always here: the tree is the one that the migrations made; it has no cycles, and
//! siblings stand in the order of their `position`.

pub mod model;
pub mod routes;
pub mod service;
mod store;
