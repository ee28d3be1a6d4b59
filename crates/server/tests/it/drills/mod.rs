//! Drills: the real program under load and ill-treatment. Each has a short version here and a
//! long one as `cargo xtask drill …`, which sets its size by environment variables.

mod http;
mod kill;
mod process;
