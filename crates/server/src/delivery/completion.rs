//! The end of a deal: the buyer's confirmation, or time.

/// The timer that completes a delivered deal; its key is the request.
pub const AUTO_RELEASE: &str = "auto_release";
