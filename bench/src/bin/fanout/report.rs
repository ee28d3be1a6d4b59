//! The figures as a table, as raw JSON and as a chart.

use std::collections::BTreeMap;
use std::fmt::Write;

use bench::machine::Machine;
use bench::stats::Figure;
use serde::Serialize;

use crate::peers::Peer;

/// What one column of the table shows.
pub struct Measure {
    pub key: &'static str,
    pub label: &'static str,
    pub unit: &'static str,
    pub decimals: usize,
}

const fn measure(
    key: &'static str,
    label: &'static str,
    unit: &'static str,
    decimals: usize,
) -> Measure {
    Measure { key, label, unit, decimals }
}

/// What is compared with the peers.
pub const COMPARED: &[Measure] = &[
    measure("room", "one room, one message at a time", "µs", 1),
    measure("room-4", "four in flight", "µs", 1),
    measure("room-4-step", "four at once", "µs", 1),
    measure("pairs", "rooms of two", "µs", 1),
    measure("idle", "memory of an idle connection", "KiB", 1),
    measure("idle-after", "more after a burst", "KiB", 1),
    measure("connect", "a connect", "µs", 0),
];

/// What a reader sees first of it.
const SUMMARY: &[&str] = &["room", "room-4-step", "pairs", "idle", "connect"];

fn compared(key: &str) -> Option<&'static Measure> {
    COMPARED.iter().find(|measure| measure.key == key)
}

/// What else is measured.
pub const FURTHER: &[Measure] = &[
    measure("journal", "journaled events to one room, one at a time", "µs", 1),
    measure("journal-4", "journaled events to one room, four at once", "µs", 1),
    measure("journal-request", "such an event's request and commit, to an empty room", "µs", 0),
    measure("journal-tail", "journaled events, one at a time, without that", "µs", 1),
    measure("cores-room", "two cores: throughput of one large room", "× one core", 2),
    measure("cores-pairs", "two cores: throughput of rooms of two", "× one core", 2),
    measure("cores-room-rate", "two cores: deliveries to one large room", "/s", 0),
    measure("cores-pairs-rate", "two cores: deliveries to rooms of two", "/s", 0),
    measure("paced-room-p99", "two cores, one large room four times a second: p99", "ms", 1),
    measure("paced-room-spare", "of the two cores unused meanwhile", "%", 0),
    measure("paced-pairs-p99", "two cores, rooms of two, 10,000 messages a second: p99", "ms", 2),
    measure("paced-pairs-spare", "of the two cores unused meanwhile, too", "%", 0),
    measure("crowd-quiet-p99", "a message between two, p99", "ms", 2),
    measure("crowd-p50", "the same while a large room is served, median", "ms", 2),
    measure("crowd-p99", "the same while a large room is served, p99", "ms", 2),
    measure("crowd-delay", "what the large room adds to the p99", "ms", 2),
    measure("frozen-p99", "p99 of a room, a tenth of it frozen", "× none frozen", 2),
    measure("frozen-cut", "frozen clients cut by their queue", "%", 0),
    measure("frozen-memory", "memory of a frozen client", "KiB", 0),
    measure("frozen-memory-after", "the same after the cut", "KiB", 0),
    measure("frozen-stall", "frozen client with little waiting: cut after", "s", 1),
    measure("storm-rest-p99", "REST during the connect storm, p99", "ms", 1),
    measure("storm-all", "connect storm: all connected after", "s", 1),
];

/// All figures of a run.
#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    /// Seconds since 1970.
    pub at: u64,
    pub quick: bool,
    pub room: usize,
    pub crowd: usize,
    pub pairs: usize,
    pub rounds: usize,
    /// By measure and peer.
    pub figures: BTreeMap<String, BTreeMap<String, Figure>>,
}

impl Report {
    /// The figure of a peer.
    pub fn get(&self, measure: &str, peer: Peer) -> Option<Figure> {
        self.figures.get(measure)?.get(peer.key()).copied()
    }

    fn cell(&self, measure: &Measure, peer: Peer) -> String {
        let Some(figure) = self.get(measure.key, peer) else { return "–".to_owned() };
        let Figure { median, min, max, .. } = figure;
        let places = measure.decimals;
        format!("{median:.places$} <sub>{min:.places$}–{max:.places$}</sub>")
    }

    fn peers(&self) -> impl Iterator<Item = Peer> {
        Peer::ALL
            .into_iter()
            .filter(|peer| self.figures.values().any(|figures| figures.contains_key(peer.key())))
    }

    /// The machine, and how much was measured.
    pub fn about(&self) -> String {
        let Self { machine, rounds, room, pairs, .. } = self;
        let crowd = self.crowd;
        format!(
            "{machine}; medians of {rounds} rounds. A room of {room}, {pairs} rooms of two, \
             {crowd} idle connections."
        )
    }

    /// Markdown: the medians of what is compared.
    pub fn summary(&self) -> String {
        let mut out = String::from("| |");
        for measure in SUMMARY.iter().filter_map(|key| compared(key)) {
            let _ = write!(out, " {}, {} |", measure.label, measure.unit);
        }
        out.push_str("\n|---|");
        out.push_str(&"---:|".repeat(SUMMARY.len()));
        for peer in self.peers() {
            let _ = write!(out, "\n| {} |", peer.label());
            for measure in SUMMARY.iter().filter_map(|key| compared(key)) {
                let places = measure.decimals;
                let median = self.get(measure.key, peer).map(|figure| figure.median);
                let shown = median.map_or("–".into(), |median| format!("{median:.places$}"));
                let _ = write!(out, " {shown} |");
            }
        }
        out.push('\n');
        out
    }

    /// Markdown: what is compared, then what else was measured.
    pub fn table(&self) -> String {
        let mut out = String::from("| |");
        for measure in COMPARED {
            let _ = write!(out, " {}, {} |", measure.label, measure.unit);
        }
        out.push_str("\n|---|");
        out.push_str(&"---:|".repeat(COMPARED.len()));
        for peer in self.peers() {
            let _ = write!(out, "\n| {} |", peer.label());
            for measure in COMPARED {
                let _ = write!(out, " {} |", self.cell(measure, peer));
            }
        }
        out.push('\n');
        let further: Vec<&Measure> =
            FURTHER.iter().filter(|measure| self.figures.contains_key(measure.key)).collect();
        if further.is_empty() {
            return out;
        }
        let columns: Vec<Peer> = self
            .peers()
            .filter(|peer| further.iter().any(|measure| self.get(measure.key, *peer).is_some()))
            .collect();
        out.push_str("\n| |");
        for peer in &columns {
            let _ = write!(out, " {} |", peer.label());
        }
        let _ = write!(out, "\n|---|{}", "---:|".repeat(columns.len()));
        for measure in further {
            let _ = write!(out, "\n| {}, {} |", measure.label, measure.unit);
            for peer in &columns {
                let _ = write!(out, " {} |", self.cell(measure, *peer));
            }
        }
        out.push('\n');
        out
    }

    /// A chart of the CPU time of a delivery, as bars beside one another.
    pub fn chart(&self) -> String {
        const LEFT: f64 = 250.0;
        const WIDTH: f64 = 520.0;
        const BAR: f64 = 18.0;
        let mut out = String::new();
        let mut y = 34.0;
        for measure in COMPARED.iter().filter(|measure| measure.unit == "µs") {
            let rows: Vec<(Peer, f64)> = self
                .peers()
                .filter_map(|peer| Some((peer, self.get(measure.key, peer)?.median)))
                .collect();
            // Python would press all others against the axis: its bar is cut, its figure stands.
            let others = rows.iter().filter(|(peer, _)| *peer != Peer::Python);
            let most = others.map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
            if rows.is_empty() {
                continue;
            }
            let _ = write!(
                out,
                r#"<text x="8" y="{y}" class="title">{}: CPU time in µs</text>"#,
                measure.label
            );
            y += 12.0;
            for (peer, value) in rows {
                let label = peer.label().replace(['`', '*'], "");
                let width = (value / most).min(1.08) * WIDTH;
                let class = match peer {
                    Peer::Souk | Peer::Crate => "ours",
                    _ if peer.is_yardstick() => "bare",
                    _ => "other",
                };
                let middle = y + 13.0;
                let _ = write!(
                    out,
                    r#"<text x="{}" y="{middle}" text-anchor="end">{label}</text><rect x="{LEFT}" y="{y}" width="{width:.1}" height="{BAR}" class="{class}"/><text x="{:.1}" y="{middle}">{value:.*}</text>"#,
                    LEFT - 8.0,
                    LEFT + width + 6.0,
                    measure.decimals,
                );
                y += BAR + 4.0;
            }
            y += 30.0;
        }
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 {y}" font-family="sans-serif" font-size="13"><style>text{{fill:#333}}.title{{font-weight:bold}}.ours{{fill:#1769aa}}.bare{{fill:#999}}.other{{fill:#d08c3c}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}}}</style>{out}</svg>
"#
        )
    }
}
