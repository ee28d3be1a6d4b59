//! Files: what is taken, who may read it, what becomes of it.

mod readers;
mod sweep;
mod uploads;
