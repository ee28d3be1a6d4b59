//! `cargo xtask bench fanout`: what one delivery to a socket costs.
fn main() {}
