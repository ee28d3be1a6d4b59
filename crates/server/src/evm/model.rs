//! Where a submitted transaction stands: pure functions.

use std::time::Duration;

use strum::VariantArray;

use super::verify::{Proof, Verdict};

/// Where it stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    serde::Serialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = WalletTransactionStatus)]
pub enum Standing {
    /// It is in no block yet, as far as is known.
    Pending,
    /// It is in a block and is what was asked for, but not deep enough.
    Seen,
    /// It is deep enough: the money counts. It is still looked at.
    Confirmed,
    /// It is so deep that nobody looks again.
    Final,
    /// It is not what was asked for.
    Rejected,
    /// It was in no block for too long.
    Dropped,
}

impl Standing {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the chain is still asked about it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Seen | Self::Confirmed)
    }

    /// Whether money is credited for it, final or not.
    pub fn is_credited(self) -> bool {
        matches!(self, Self::Seen | Self::Confirmed | Self::Final)
    }
}

/// What a look at the chain, or the user, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Input {
    /// It is in no block.
    Missing,
    /// It is in no block, and that for too long.
    MissingLong,
    /// It is in a block and breaks a rule.
    Refused,
    /// It breaks a rule, and has not been what was asked for for too long.
    RefusedLong,
    /// It is what was asked for.
    Shallow,
    /// And deep enough.
    Deep,
    /// So deep that nobody needs to look again.
    Settled,
    /// It is submitted again.
    SubmittedAgain,
}

impl Input {
    /// The input that a verdict is. `long`: it was in no block, or broke a rule, for too long.
    pub fn of(verdict: &Verdict, long: bool) -> Self {
        match verdict {
            Verdict::Waiting if long => Self::MissingLong,
            Verdict::Waiting => Self::Missing,
            Verdict::Refused(_) if long => Self::RefusedLong,
            Verdict::Refused(_) => Self::Refused,
            Verdict::Proven(Proof { is_settled: true, .. }) => Self::Settled,
            Verdict::Proven(Proof { is_deep: true, .. }) => Self::Deep,
            Verdict::Proven(_) => Self::Shallow,
        }
    }
}

/// Where it stands after `input`; `None` where nobody looks any more.
///
/// A reorganisation may lead back. What was only seen is given up at once and found again. What
/// was confirmed has let the deal go on, and to take it back calls the deal off; a transaction
/// that fell out of its block is mostly back in another one soon, so that is waited for.
pub fn next(standing: Standing, input: Input) -> Option<Standing> {
    use Input as I;
    use Standing as S;
    match (standing, input) {
        (S::Pending, I::Missing)
        | (S::Seen, I::Missing | I::MissingLong)
        | (S::Rejected | S::Dropped, I::SubmittedAgain) => Some(S::Pending),
        (S::Pending | S::Confirmed, I::MissingLong) => Some(S::Dropped),
        (S::Pending | S::Seen, I::Refused | I::RefusedLong) | (S::Confirmed, I::RefusedLong) => {
            Some(S::Rejected)
        }
        (S::Pending | S::Seen, I::Shallow) => Some(S::Seen),
        (S::Pending | S::Seen, I::Deep)
        | (S::Confirmed, I::Missing | I::Refused | I::Shallow | I::Deep) => Some(S::Confirmed),
        (S::Pending | S::Seen | S::Confirmed, I::Settled) => Some(S::Final),
        _ => None,
    }
}

/// How long a transaction that waits for a block may do so.
const WAITING_MAX: Duration = Duration::from_hours(24);
/// How long the chain may know nothing of it, and how long what was confirmed may be gone.
const UNKNOWN_MAX: Duration = Duration::from_hours(1);

/// How long a transaction may stand like this without being in a block. `known`: some node has it
/// among those that wait for one.
pub fn patience(standing: Standing, known: bool) -> Duration {
    if known && standing != Standing::Confirmed { WAITING_MAX } else { UNKNOWN_MAX }
}

/// First pause between two looks.
const LOOK_FIRST: Duration = Duration::from_secs(5);
/// Longest pause.
const LOOK_MAX: Duration = Duration::from_mins(5);

/// How long until the next look at a transaction that was submitted `age` ago: often at first,
/// then seldom.
pub fn pause(age: Duration) -> Duration {
    (age / 20).clamp(LOOK_FIRST, LOOK_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Input as I;
    use Standing as S;

    const EDGES: &[(S, I, S)] = &[
        (S::Pending, I::Missing, S::Pending),
        (S::Pending, I::MissingLong, S::Dropped),
        (S::Pending, I::Refused, S::Rejected),
        (S::Pending, I::RefusedLong, S::Rejected),
        (S::Pending, I::Shallow, S::Seen),
        (S::Pending, I::Deep, S::Confirmed),
        (S::Pending, I::Settled, S::Final),
        (S::Seen, I::Missing, S::Pending),
        (S::Seen, I::MissingLong, S::Pending),
        (S::Seen, I::Refused, S::Rejected),
        (S::Seen, I::RefusedLong, S::Rejected),
        (S::Seen, I::Shallow, S::Seen),
        (S::Seen, I::Deep, S::Confirmed),
        (S::Seen, I::Settled, S::Final),
        (S::Confirmed, I::Missing, S::Confirmed),
        (S::Confirmed, I::MissingLong, S::Dropped),
        (S::Confirmed, I::Refused, S::Confirmed),
        (S::Confirmed, I::RefusedLong, S::Rejected),
        (S::Confirmed, I::Shallow, S::Confirmed),
        (S::Confirmed, I::Deep, S::Confirmed),
        (S::Confirmed, I::Settled, S::Final),
        (S::Rejected, I::SubmittedAgain, S::Pending),
        (S::Dropped, I::SubmittedAgain, S::Pending),
    ];

    #[test]
    fn there_are_these_edges_and_no_others() {
        for &standing in S::VARIANTS {
            for &input in I::VARIANTS {
                let edge = EDGES.iter().find(|edge| edge.0 == standing && edge.1 == input);
                assert_eq!(next(standing, input), edge.map(|edge| edge.2), "{standing} {input:?}");
            }
        }
    }

    #[test]
    fn words_are_read_back() {
        for &standing in S::VARIANTS {
            assert_eq!(standing.as_str().parse(), Ok(standing));
        }
    }

    #[test]
    fn what_waits_for_a_block_has_more_time() {
        assert_eq!(patience(S::Pending, true), WAITING_MAX);
        assert_eq!(patience(S::Pending, false), UNKNOWN_MAX);
        assert_eq!(patience(S::Confirmed, true), UNKNOWN_MAX);
    }

    #[test]
    fn looks_become_seldom() {
        assert_eq!(pause(Duration::ZERO), Duration::from_secs(5));
        assert_eq!(pause(Duration::from_mins(10)), Duration::from_secs(30));
        assert_eq!(pause(WAITING_MAX), Duration::from_mins(5));
    }
}
