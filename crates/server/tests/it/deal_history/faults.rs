//! Mistakes that the histories have to find.

/// A mistake that is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None.
    None,
    /// The database lets a share have two payouts.
    NoUniqueIndex,
    /// A rail takes each call of its gateway for new money.
    TrustedWebhook,
    /// Who has the gateway's key alone is believed.
    KeyIsEnough,
    /// An escrow is set whatever it was.
    UnconditionalUpdate,
}
