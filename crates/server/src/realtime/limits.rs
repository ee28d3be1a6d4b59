//! How many events a socket may send (contract §1.8): pure, and 24 bytes a socket.

use std::time::Duration;

/// Refusals within this time count together, in microseconds.
const WINDOW: u64 = 10_000_000;
/// So many bursts refused within [`WINDOW`] are not a mistake any more.
const PATIENCE: u32 = 10;

/// The rate that sockets are held to: `SOCKET_EVENTS_PER_SECOND` and `SOCKET_EVENTS_BURST`.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Microseconds that one event uses up.
    cost: u64,
    /// How far a socket may be ahead of its time, in microseconds.
    credit: u64,
    /// Refusals within [`WINDOW`] after which the socket is closed.
    patience: u32,
}

/// What one socket has used, by the generic cell rate algorithm (ITU-T I.371, annex A): the time
/// at which it will have paid for all its events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    paid_at: u64,
    window_from: u64,
    refused: u32,
}

/// What to do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Handle it.
    Allowed,
    /// Refuse it as `rate_limited`.
    Refused,
    /// Close the socket: it was refused for long and did not slow down.
    Cut,
}

impl Rate {
    /// `None`: no limit.
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        let cost = 1_000_000_u64.checked_div(u64::from(per_second))?.max(1);
        let burst = burst.max(1);
        Some(Self {
            cost,
            credit: cost * u64::from(burst - 1),
            patience: burst.saturating_mul(PATIENCE),
        })
    }

    /// Counts one event at `now`, the time since any fixed moment.
    pub fn count(&self, meter: &mut Meter, now: Duration) -> Verdict {
        let now = now.as_micros() as u64;
        let paid_at = meter.paid_at.max(now);
        if paid_at - now <= self.credit {
            meter.paid_at = paid_at + self.cost;
            return Verdict::Allowed;
        }
        if now.saturating_sub(meter.window_from) >= WINDOW {
            meter.window_from = now;
            meter.refused = 0;
        }
        meter.refused += 1;
        if meter.refused > self.patience { Verdict::Cut } else { Verdict::Refused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(1_000_000 + ms)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (rate, mut meter) = (Rate::new(20, 40).unwrap(), Meter::default());
        for n in 0..40 {
            assert_eq!(rate.count(&mut meter, at(0)), Verdict::Allowed, "event {n} of the burst");
        }
        assert_eq!(rate.count(&mut meter, at(0)), Verdict::Refused);
        assert_eq!(rate.count(&mut meter, at(49)), Verdict::Refused);
        // 20 a second are one every 50 ms.
        assert_eq!(rate.count(&mut meter, at(50)), Verdict::Allowed);
        assert_eq!(rate.count(&mut meter, at(50)), Verdict::Refused);
        let allowed =
            (1..=1000).filter(|ms| rate.count(&mut meter, at(50 + ms)) == Verdict::Allowed);
        assert_eq!(allowed.count(), 20);
        // The burst comes back when the socket was quiet for as long as it takes to pay for it.
        let allowed = (0..50).filter(|_| rate.count(&mut meter, at(9_000)) == Verdict::Allowed);
        assert_eq!(allowed.count(), 40);
    }

    #[test]
    fn who_does_not_slow_down_is_cut() {
        let (rate, mut meter) = (Rate::new(1, 2).unwrap(), Meter::default());
        let mut verdicts = (0..).map(|_| rate.count(&mut meter, at(0)));
        let refused = verdicts.by_ref().skip(2).take_while(|v| *v == Verdict::Refused).count();
        assert_eq!(refused, 20, "ten bursts of two");
    }

    #[test]
    fn patience_is_renewed_with_time() {
        let (rate, mut meter) = (Rate::new(1, 2).unwrap(), Meter::default());
        // 1.9 events a second: half of them are refused, but never twenty within ten seconds.
        for n in 0..200 {
            assert_ne!(rate.count(&mut meter, at(n * 530)), Verdict::Cut);
        }
    }

    #[test]
    fn zero_switches_it_off() {
        assert!(Rate::new(0, 40).is_none());
        assert!(Rate::new(20, 0).is_some());
    }
}
