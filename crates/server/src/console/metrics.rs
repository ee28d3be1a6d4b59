//! The figures as Prometheus reads them (text format 0.0.4).

use std::fmt::Write;

use super::gauges::BOUNDS;
use crate::app::App;

/// All figures of this node. What the sockets say is missing while there are none.
pub fn text(app: &App, journal_head: Option<i64>) -> String {
    let mut text = String::new();
    metric(&mut text, "souk_info", "gauge", "The program's version.");
    let _ = writeln!(text, "souk_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    if let Some(stats) = app.realtime.stats() {
        metric(&mut text, "souk_sockets", "gauge", "Connected sockets.");
        let _ = writeln!(text, "souk_sockets {}", stats.sockets);
        metric(&mut text, "souk_sessions", "gauge", "Open sessions by transport.");
        let _ = writeln!(text, "souk_sessions{{transport=\"websocket\"}} {}", stats.websocket);
        let _ = writeln!(text, "souk_sessions{{transport=\"polling\"}} {}", stats.polling);
        for (name, help, value) in [
            ("souk_sessions_opened_total", "Sessions opened.", stats.opened),
            ("souk_packets_sent_total", "Packets sent to clients.", stats.packets_sent),
            ("souk_bytes_sent_total", "Bytes sent to clients.", stats.bytes_sent),
            ("souk_packets_received_total", "Packets from clients.", stats.packets_received),
        ] {
            metric(&mut text, name, "counter", help);
            let _ = writeln!(text, "{name} {value}");
        }
        metric(&mut text, "souk_sessions_closed_total", "counter", "Sessions closed, by reason.");
        for (reason, count) in stats.closed {
            let _ = writeln!(text, "souk_sessions_closed_total{{reason=\"{reason}\"}} {count}");
        }
    }
    if let Some(head) = journal_head {
        metric(&mut text, "souk_journal_position", "gauge", "The newest position of the journal.");
        let _ = writeln!(text, "souk_journal_position {head}");
    }
    let help = "The position up to which this node has handed the journal on.";
    metric(&mut text, "souk_journal_handed_on_position", "gauge", help);
    let _ = writeln!(text, "souk_journal_handed_on_position {}", app.journal.handed_on());
    let name = "souk_database_statements_total";
    metric(&mut text, name, "counter", "Statements that this node ran on its database.");
    let _ = writeln!(text, "{name} {}", app.db.statements());
    let name = "souk_commit_to_client_seconds";
    metric(&mut text, name, "histogram", "From an event's commit until it went to its sockets.");
    let (buckets, total) = app.gauges.histogram();
    let mut count = 0;
    for (bound, events) in BOUNDS.iter().zip(&buckets) {
        count += events;
        let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", *bound as f64 / 1000.0);
    }
    count += buckets[BOUNDS.len()];
    let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(text, "{name}_sum {}", total as f64 / 1000.0);
    let _ = writeln!(text, "{name}_count {count}");
    text
}

fn metric(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
