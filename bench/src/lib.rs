//! What the benchmarks share. Each benchmark is a program in `src/bin`; `cargo xtask bench` lists
//! and runs them.
//!
//! What holds always here: a figure is the median of several rounds and is given with its spread;
//! programs that are compared run in turns within one run, so that they see the same machine.

pub mod machine;
pub mod node;
pub mod people;
pub mod souk;
pub mod stats;
pub mod websocket;
