//! Files that users upload (contract §2, `files`): pictures, documents, texts.
//!
//! ```text
//! checked ─► uploading ─ kept ─► stored ─ unused for long ─► removing ─ removed ─► gone
//!               └──────────── interrupted ─────────────────────┘
//! ```
//! What holds always here:
//! - what a file is is decided by its bytes alone ([`content`]); a name is shown and never used as a
//!   path: in the store a file has a random name;
//! - an upload goes to a file aside, up to its limit, and is removed with its request; then comes
//!   the row, then the bytes in the store, then the row says that they are there. So there are no
//!   bytes in the store without a row, and a row without bytes is not shown and is swept;
//! - a file is read by who uploaded it and by those who may see what uses it; to others it is not
//!   there;
//! - no file runs in a page: the type is the one found, browsers may not guess, all but pictures are
//!   downloads, and a picture that is opened by itself is in a sandbox;
//! - whoever uses a file locks its row first, and so does the sweep: a file in use is not removed.

pub mod content;
pub mod error;
pub mod model;
mod name;
pub mod routes;
#[cfg(test)]
mod samples;
pub mod service;
pub mod storage;
mod store;
mod upload;

pub use storage::Storage;
