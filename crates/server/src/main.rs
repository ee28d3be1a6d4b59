//! The program `souk`.
fn main() {}
