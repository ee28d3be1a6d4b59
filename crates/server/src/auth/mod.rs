//! Accounts, sign-in and tokens.

pub mod tokens;
