//! The sockets of all nodes, for operators: this node asks the others over the bus.
//!
//! What holds always here: an answer is never waited for longer than [`ANSWER_WITHIN`], and who
//! asked is told which nodes have answered. What a node tells is bounded ([`LISTED_MAX`],
//! [`BYTES_MAX`]), so that it drives nothing else from the bus.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::Audience;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::live::Live;
use crate::app::App;

/// The name under which a node asks the others for their sockets; no event is called so.
pub const ASKED: &str = "$who";
/// The name under which they answer.
pub const ANSWERED: &str = "$here";
/// Longest wait for the other nodes.
const ANSWER_WITHIN: Duration = Duration::from_millis(700);
/// Most sockets that a node lists, those that came first.
const LISTED_MAX: usize = 1000;
/// Most bytes of such a list.
const BYTES_MAX: usize = 256 * 1024;
/// Bytes of one message at most, so that it fits into a notification of PostgreSQL.
const MESSAGE_MAX: usize = 6000;

/// The sockets of a node.
#[derive(Debug)]
pub struct OfNode {
    /// Its name.
    pub node: String,
    /// Whether it has told all; `None` where nothing came.
    pub answer: Option<Answer>,
}

/// What a node tells of its sockets.
#[derive(Debug, Default)]
pub struct Answer {
    /// How many it has.
    pub count: usize,
    /// Those that came first.
    pub sockets: Vec<Live>,
}

/// What this node has asked and waits for.
#[derive(Default)]
pub struct Asked(Mutex<HashMap<String, mpsc::UnboundedSender<Part>>>);

impl Asked {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::UnboundedSender<Part>>> {
        // Each change is a single step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question, by its name.
#[derive(Serialize, Deserialize)]
struct Question {
    question: String,
}

/// A part of an answer.
#[derive(Serialize, Deserialize)]
struct Part {
    question: String,
    node: String,
    /// How many sockets the node has.
    count: usize,
    sockets: Vec<Live>,
    /// Whether there are no more parts.
    last: bool,
}

/// The sockets of this node first, and of every other one that is known.
pub async fn ask(app: &App) -> Vec<OfNode> {
    let question = uuid::Uuid::from_bytes(app.random.bytes()).to_string();
    let (sender, mut parts) = mpsc::unbounded_channel();
    app.realtime.0.asked.lock().insert(question.clone(), sender);
    let _forget = Forget(app, &question);
    let names = app.realtime.0.others.names();
    let mut others: BTreeMap<String, (Answer, bool)> = BTreeMap::new();
    if !names.is_empty() {
        publish(app, ASKED, &Question { question: question.clone() });
    }
    let own = here(app).await;
    let listen = async {
        let is_told = |others: &BTreeMap<String, (Answer, bool)>, name: &String| {
            others.get(name).is_some_and(|(_, last)| *last)
        };
        while !names.iter().all(|name| is_told(&others, name)) {
            let Some(part) = parts.recv().await else { return };
            let (answer, last) = others.entry(part.node).or_default();
            answer.count = part.count;
            answer.sockets.extend(part.sockets);
            *last |= part.last;
        }
    };
    // Who is late is left out, and named.
    let _ = tokio::time::timeout(ANSWER_WITHIN, listen).await;
    let mut answers: BTreeMap<String, Option<Answer>> =
        names.into_iter().map(|name| (name, None)).collect();
    answers.extend(others.into_iter().map(|(name, (answer, _))| (name, Some(answer))));
    let own = OfNode { node: app.bus.node().to_owned(), answer: Some(own) };
    let others = answers.into_iter().map(|(node, answer)| OfNode { node, answer });
    std::iter::once(own).chain(others).collect()
}

/// The question is answered, or nobody waits for it any more.
struct Forget<'a>(&'a App, &'a str);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.realtime.0.asked.lock().remove(self.1);
    }
}

/// Another node asks.
pub fn asked(app: &App, payload: &RawValue) {
    let Ok(Question { question }) = serde_json::from_str(payload.get()) else { return };
    let (tasks, app) = (app.realtime.0.tasks.clone(), app.clone());
    tasks.spawn(async move {
        let Answer { count, sockets } = here(&app).await;
        let mut parts = parts(sockets).into_iter().peekable();
        while let Some(sockets) = parts.next() {
            let (question, node) = (question.clone(), app.bus.node().to_owned());
            let last = parts.peek().is_none();
            publish(&app, ANSWERED, &Part { question, node, count, sockets, last });
        }
    });
}

/// Another node answers; perhaps not this one.
pub fn answered(app: &App, payload: &RawValue) {
    let Ok(part) = serde_json::from_str::<Part>(payload.get()) else { return };
    if let Some(waits) = app.realtime.0.asked.lock().get(&part.question) {
        // It may have just given up.
        let _ = waits.send(part);
    }
}

async fn here(app: &App) -> Answer {
    let mut sockets = app.realtime.live().await;
    let count = sockets.len();
    sockets.sort_by_key(|socket| std::cmp::Reverse(socket.age_seconds));
    sockets.truncate(LISTED_MAX);
    Answer { count, sockets }
}

/// Cuts a list into parts that fit into a message; there is one at least.
fn parts(sockets: Vec<Live>) -> Vec<Vec<Live>> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let (mut bytes, mut total) = (0, 0);
    for socket in sockets {
        let size = serde_json::to_vec(&socket).map_or(0, |text| text.len());
        total += size;
        if total > BYTES_MAX {
            break;
        }
        if bytes + size > MESSAGE_MAX && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(socket);
    }
    parts.push(part);
    parts
}

fn publish(app: &App, name: &str, message: &impl Serialize) {
    match serde_json::value::to_raw_value(message) {
        Ok(payload) => app.bus.publish(name, &Audience::socket(), &payload),
        Err(error) => tracing::error!(%error, name, "a message cannot be encoded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(number: usize, rooms: usize) -> Live {
        Live {
            id: format!("{number:020}"),
            user: None,
            websocket: true,
            queued: 0,
            age_seconds: 1,
            rooms: vec!["request-0199f3a0-0000-7000-8000-000000000000".into(); rooms],
        }
    }

    #[test]
    fn parts_fit_into_messages_and_are_bounded() {
        let sockets = (0..LISTED_MAX).map(|number| socket(number, number % 64)).collect();
        let parts = parts(sockets);
        let sizes: Vec<_> =
            parts.iter().map(|part| serde_json::to_vec(part).unwrap().len()).collect();
        assert!(sizes.iter().all(|size| *size <= MESSAGE_MAX + 200), "{sizes:?}");
        assert!(sizes.iter().sum::<usize>() <= BYTES_MAX + 200);
        let ids: Vec<_> = parts.iter().flatten().map(|socket| &socket.id).collect();
        assert!(ids.len() > 100 && ids.is_sorted(), "the first ones, each once");
        assert_eq!(super::parts(Vec::new()).len(), 1, "that there are none is told too");
    }
}
