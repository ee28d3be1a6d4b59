//! Figures over time: how many sockets there are, how much is sent, how long events take.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::Timestamp;
use tokio_util::sync::CancellationToken;

use super::model::{Latency, Sample};
use crate::app::App;

/// Between two samples.
const EVERY: Duration = Duration::from_secs(2);
/// Samples that are kept: ten minutes.
const SAMPLES: usize = 300;
/// Latencies that the percentiles are of.
const RECENT: usize = 1000;
/// Upper bounds of the histogram's buckets, in milliseconds.
pub const BOUNDS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 30_000];

/// The figures of a node.
pub struct Gauges {
    /// When the node was made.
    pub started_at: Timestamp,
    samples: Mutex<VecDeque<Sample>>,
    recent: Mutex<VecDeque<u64>>,
    /// Events by [`BOUNDS`], and one bucket for what took longer.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// Milliseconds of all of them.
    total: AtomicU64,
}

impl Gauges {
    /// Figures that begin now.
    pub fn new(now: Timestamp) -> Self {
        Self {
            started_at: now,
            samples: Mutex::default(),
            recent: Mutex::default(),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            total: AtomicU64::new(0),
        }
    }

    /// An event was handed to its sockets, `millis` after its transaction began to commit.
    pub fn handed_on(&self, millis: i64) {
        let millis = u64::try_from(millis).unwrap_or(0);
        let bucket = BOUNDS.partition_point(|bound| *bound < millis);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(millis, Ordering::Relaxed);
        let mut recent = lock(&self.recent);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(millis);
    }

    /// Events by bucket (the last one is of what is past all bounds), and their milliseconds.
    pub fn histogram(&self) -> ([u64; BOUNDS.len() + 1], u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (std::array::from_fn(|i| read(&self.buckets[i])), read(&self.total))
    }

    /// Of the newest events.
    pub fn latency(&self) -> Latency {
        let mut sorted: Vec<u64> = lock(&self.recent).iter().copied().collect();
        sorted.sort_unstable();
        percentiles(&sorted)
    }

    /// The samples, oldest first.
    pub fn samples(&self) -> Vec<Sample> {
        lock(&self.samples).iter().cloned().collect()
    }

    fn add(&self, sample: Sample) {
        let mut samples = lock(&self.samples);
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is a single step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of milliseconds in ascending order.
fn percentiles(sorted: &[u64]) -> Latency {
    let at = |percent: usize| {
        let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied().unwrap_or(0)
    };
    Latency { p50: at(50), p95: at(95), max: at(100) }
}

/// Takes samples until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut sent = None;
    let (mut count, mut total) = (0, 0);
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        let Some(stats) = app.realtime.stats() else { continue };
        let before = sent.replace(stats.packets_sent).unwrap_or(stats.packets_sent);
        let (buckets, millis) = app.gauges.histogram();
        let events: u64 = buckets.iter().sum();
        let (fresh, took) = (events - count, millis - total);
        (count, total) = (events, millis);
        app.gauges.add(Sample {
            at: app.clock.now(),
            sockets: stats.sockets,
            deliveries_per_second: (stats.packets_sent - before) as f64 / EVERY.as_secs_f64(),
            latency_ms: if fresh == 0 { 0.0 } else { took as f64 / fresh as f64 },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_there_is() {
        assert_eq!(percentiles(&[]), Latency { p50: 0, p95: 0, max: 0 });
        assert_eq!(percentiles(&[7]), Latency { p50: 7, p95: 7, max: 7 });
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentiles(&hundred), Latency { p50: 50, p95: 95, max: 100 });
    }

    #[test]
    fn buckets_hold_what_is_within_their_bound() {
        let gauges = Gauges::new(Timestamp::from_millis(0));
        for millis in [-5, 0, 1, 2, 6, 40_000] {
            gauges.handed_on(millis);
        }
        let (buckets, total) = gauges.histogram();
        assert_eq!(buckets[..4], [3, 1, 0, 1]);
        assert_eq!(buckets[BOUNDS.len()], 1);
        assert_eq!(total, 40_009);
    }
}
