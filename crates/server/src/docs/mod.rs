//! The documents that are made from the code: OpenAPI, AsyncAPI, the reference of events, the
//! reference of settings.
//!
//! What holds always here: nothing is written twice. Routes describe themselves (`utoipa`), events
//! stand in the catalogue, settings in `config`; this folder only arranges them. No page of it
//! loads anything from another host.

pub mod asyncapi;
mod example;
mod input;
pub mod openapi;
mod page;
pub mod reference;
pub mod routes;
pub mod settings;
