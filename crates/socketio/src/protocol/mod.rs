//! Packets and frames as pure functions on bytes: no sockets, no clocks, no state but what is
//! passed in. Everything here takes bytes from outside and must never panic.

pub mod frame;
pub mod json;
pub mod packet;
pub mod payload;
