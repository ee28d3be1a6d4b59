//! The states of a payout: pure functions.

use events::PayoutStatus;
use strum::VariantArray;

/// What can happen to a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Input {
    /// It is about to be handed to its rail.
    Begin,
    /// The rail has it.
    Accepted,
    /// The rail will not do it, for certain.
    Refused,
    /// The rail did not answer, or not so that one could tell.
    Unclear,
    /// The program ended between the call and its answer.
    Lost,
    /// Its transaction is on the chain.
    Broadcast,
    /// Its transaction is final.
    Completed,
    /// It certainly did not happen.
    FailedForCertain,
    /// The rail says that it failed, which proves nothing.
    FailedPerhaps,
    /// The rail does not know of it, which proves nothing.
    Absent,
    /// An administrator wants it tried again after a certain failure.
    Retry,
    /// An administrator vouches that nothing was sent.
    NotSent,
    /// An administrator paid it from a wallet of the platform.
    Recorded,
}

/// The status after `input`, or `None` where the status does not allow it (contract §4.4).
pub fn next(status: PayoutStatus, input: Input) -> Option<PayoutStatus> {
    use Input as I;
    use PayoutStatus as S;
    match (status, input) {
        (S::Queued, I::Begin) => Some(S::Submitting),
        // The answer may come after somebody took it for lost.
        (S::Submitting | S::Unknown, I::Accepted) => Some(S::Submitted),
        (S::Submitting | S::Unknown, I::Refused)
        | (S::Submitting | S::Submitted | S::Broadcast | S::Unknown, I::FailedForCertain) => {
            Some(S::Failed)
        }
        (S::Submitting, I::Unclear | I::Lost)
        | (S::Submitted | S::Broadcast, I::FailedPerhaps | I::Absent) => Some(S::Unknown),
        // The gateway's word may be faster than its answer.
        (S::Submitting | S::Submitted | S::Unknown, I::Broadcast)
        | (S::Queued | S::Failed | S::Unknown, I::Recorded) => Some(S::Broadcast),
        (S::Submitting | S::Submitted | S::Broadcast | S::Unknown, I::Completed) => {
            Some(S::Completed)
        }
        (S::Failed, I::Retry) | (S::Unknown, I::NotSent) => Some(S::Queued),
        _ => None,
    }
}

/// Whether money may be on its way.
pub fn is_in_transit(status: PayoutStatus) -> bool {
    use PayoutStatus as S;
    matches!(status, S::Submitting | S::Submitted | S::Broadcast | S::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Input as I;
    use PayoutStatus as S;

    /// Contract §4.4, edge by edge.
    const EDGES: &[(S, I, S)] = &[
        (S::Queued, I::Begin, S::Submitting),
        (S::Queued, I::Recorded, S::Broadcast),
        (S::Submitting, I::Accepted, S::Submitted),
        (S::Submitting, I::Refused, S::Failed),
        (S::Submitting, I::Unclear, S::Unknown),
        (S::Submitting, I::Lost, S::Unknown),
        (S::Submitting, I::Broadcast, S::Broadcast),
        (S::Submitting, I::Completed, S::Completed),
        (S::Submitting, I::FailedForCertain, S::Failed),
        (S::Submitted, I::Broadcast, S::Broadcast),
        (S::Submitted, I::Completed, S::Completed),
        (S::Submitted, I::FailedForCertain, S::Failed),
        (S::Submitted, I::FailedPerhaps, S::Unknown),
        (S::Submitted, I::Absent, S::Unknown),
        (S::Broadcast, I::Completed, S::Completed),
        (S::Broadcast, I::FailedForCertain, S::Failed),
        (S::Broadcast, I::FailedPerhaps, S::Unknown),
        (S::Broadcast, I::Absent, S::Unknown),
        (S::Failed, I::Retry, S::Queued),
        (S::Failed, I::Recorded, S::Broadcast),
        (S::Unknown, I::Accepted, S::Submitted),
        (S::Unknown, I::Refused, S::Failed),
        (S::Unknown, I::Broadcast, S::Broadcast),
        (S::Unknown, I::Completed, S::Completed),
        (S::Unknown, I::FailedForCertain, S::Failed),
        (S::Unknown, I::NotSent, S::Queued),
        (S::Unknown, I::Recorded, S::Broadcast),
    ];

    #[test]
    fn there_are_these_edges_and_no_others() {
        for &status in S::ALL {
            for &input in I::VARIANTS {
                let edge = EDGES.iter().find(|edge| edge.0 == status && edge.1 == input);
                assert_eq!(next(status, input), edge.map(|edge| edge.2), "{status} {input:?}");
            }
        }
    }

    #[test]
    fn money_in_transit_is_never_handed_over_again_by_itself() {
        for &status in S::ALL.iter().filter(|status| is_in_transit(**status)) {
            for &input in I::VARIANTS {
                if next(status, input) == Some(S::Queued) {
                    assert_eq!(input, I::NotSent, "{status}");
                }
                assert_ne!(next(status, input), Some(S::Submitting), "{status} {input:?}");
            }
        }
        assert_eq!(I::VARIANTS.iter().filter(|i| next(S::Completed, **i).is_some()).count(), 0);
    }
}
