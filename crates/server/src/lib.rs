//! The program `souk`.
