//! Paying sellers.
