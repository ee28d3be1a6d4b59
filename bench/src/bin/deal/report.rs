//! The figures as tables and as raw JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bench::machine::Machine;
use bench::stats::Figure;
use serde::Serialize;

/// What whole deals come to with so many in flight.
#[derive(Serialize)]
pub struct Level {
    pub in_flight: usize,
    pub deals_a_second: Figure,
    pub cpu_ms_a_deal: Figure,
    /// How much of its one core the server was busy.
    pub cores_busy: Figure,
}

/// What a step costs.
#[derive(Serialize)]
pub struct StepCost {
    pub step: &'static str,
    /// CPU of a deal's step. None for the payout, which is in the confirmation that begins it.
    pub cpu_ms: Option<Figure>,
    /// Latency in milliseconds by deals in flight.
    pub latency: BTreeMap<usize, Latency>,
}

#[derive(Serialize)]
pub struct Latency {
    pub p50_ms: Figure,
    pub p99_ms: Figure,
}

/// All figures of a run.
#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    /// Seconds since 1970.
    pub at: u64,
    pub quick: bool,
    pub fsync_p50_ms: f64,
    pub fsync_p99_ms: f64,
    pub levels: Vec<Level>,
    pub steps: Vec<StepCost>,
}

fn cell(figure: Figure, places: usize) -> String {
    let Figure { median, min, max, .. } = figure;
    format!("{median:.places$} <sub>{min:.places$}–{max:.places$}</sub>")
}

impl Report {
    /// Markdown: whole deals, then their steps.
    pub fn table(&self) -> String {
        let mut out = String::from(
            "| deals in flight | deals a second | CPU a deal, ms | of its core, % |\n|---:|---:|---:|---:|\n",
        );
        for level in &self.levels {
            let busy = level.cores_busy;
            let percent = |value: f64| value * 100.0;
            let (median, min, max) = (percent(busy.median), percent(busy.min), percent(busy.max));
            let busy = Figure { median, min, max, ..busy };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                level.in_flight,
                cell(level.deals_a_second, 0),
                cell(level.cpu_ms_a_deal, 2),
                cell(busy, 0)
            );
        }
        let shown: Vec<usize> = self.levels.iter().map(|level| level.in_flight).collect();
        out.push_str("\n| step | CPU, ms | share, % |");
        for in_flight in &shown {
            let _ = write!(out, " {in_flight} in flight: p50, ms | p99, ms |");
        }
        out.push_str("\n|---|---:|---:|");
        out.push_str(&"---:|---:|".repeat(shown.len()));
        out.push('\n');
        let all: f64 = self.steps.iter().filter_map(|step| Some(step.cpu_ms?.median)).sum();
        for StepCost { step, cpu_ms, latency } in &self.steps {
            let (cpu, share) = match cpu_ms {
                Some(cpu) => (cell(*cpu, 3), format!("{:.0}", cpu.median / all * 100.0)),
                None => ("in the confirmation".to_owned(), String::new()),
            };
            let _ = write!(out, "| {step} | {cpu} | {share} |");
            for in_flight in &shown {
                let Some(Latency { p50_ms, p99_ms }) = latency.get(in_flight) else { continue };
                let _ = write!(out, " {} | {} |", cell(*p50_ms, 2), cell(*p99_ms, 2));
            }
            out.push('\n');
        }
        let _ = writeln!(
            out,
            "\nfsync of 8 KiB on this disk: p50 {:.2} ms, p99 {:.2} ms",
            self.fsync_p50_ms, self.fsync_p99_ms
        );
        out
    }
}
