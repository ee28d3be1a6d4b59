//! `SOCKETS_PER_USER`, over all nodes: of a user's sockets, wherever they are, the newest stay.
//!
//! What holds always here:
//! - A node closes sockets of its own alone, and none that could stay by what it knows: what it
//!   has not heard makes it close too few.
//! - All nodes put a user's sockets into one order (when they came, by the clock of their node;
//!   then the node's name), so that no two of them close a socket for the same surplus.
//! - A connect tells nobody anything while its user cannot have too many. Who has too many has
//!   more than a node's share on one of the nodes. That one has asked the others when the share
//!   was passed, and from then on they ask as well when a socket of that user comes.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use events::{Audience, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socketio::Reason;

use crate::app::App;

/// Why the oldest socket of a user who has too many is closed.
pub const TOO_MANY_SOCKETS: &str = "too many sockets of this user";
/// The name under which nodes tell each other of a user's sockets; no event is called so.
pub const COUNTED: &str = "$sockets";
/// What another node has said is no longer relied on after this time.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// With so many users the ones of whom nothing new is known are forgotten.
const FORGET_AT: usize = 1000;
/// Most users of whom it is remembered that they have many sockets.
const MANY_MAX: usize = 10_000;

/// What other nodes have said of their sockets.
#[derive(Default)]
pub struct Elsewhere(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    /// What they have said just now.
    heard: HashMap<UserId, Vec<Heard>>,
    /// The users of whom a node had more than its share. Who has fewer by now costs a message at
    /// each connect and nothing else.
    many: HashSet<UserId>,
}

struct Heard {
    at: Instant,
    node: String,
    since: Vec<i64>,
}

/// A user's sockets on one node.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    node: String,
    user: UserId,
    /// When each of them came, in milliseconds.
    since: Vec<i64>,
    /// Whether the others are to tell of theirs.
    ask: bool,
}

impl Elsewhere {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Each change is a single step on one list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_many(&self, user: &UserId) -> bool {
        self.lock().many.contains(user)
    }

    fn remember(&self, user: &UserId) {
        let many = &mut self.lock().many;
        if many.len() >= MANY_MAX {
            many.clear();
        }
        many.insert(user.clone());
    }

    /// Takes what a node says; returns what all of them have said of this user just now.
    fn heard(&self, counted: Counted) -> Vec<(String, Vec<i64>)> {
        let users = &mut self.lock().heard;
        if users.len() >= FORGET_AT {
            users.retain(|_, heard| heard.iter().any(Heard::is_fresh));
        }
        let Counted { node, user, since, .. } = counted;
        let heard = users.entry(user).or_default();
        heard.retain(|other| other.node != node && other.is_fresh());
        heard.push(Heard { at: Instant::now(), node, since });
        heard.iter().map(|heard| (heard.node.clone(), heard.since.clone())).collect()
    }
}

impl Heard {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH_FOR
    }
}

/// A socket came: its user has `count` on this node.
pub fn came(app: &App, user: &UserId, count: usize) {
    let max = app.config.realtime.sockets_per_user;
    if max == 0 {
        return;
    }
    if count > max {
        close_surplus(app, user, &[]);
    }
    let others = app.realtime.0.others.count();
    if others > 0 && (count * (others + 1) > max || app.realtime.0.elsewhere.has_many(user)) {
        tell(app, user, true);
    }
}

/// What another node says of a user's sockets there.
pub fn heard(app: &App, payload: &RawValue) {
    let Ok(counted) = serde_json::from_str::<Counted>(payload.get()) else { return };
    let user = counted.user.clone();
    if counted.ask {
        app.realtime.0.elsewhere.remember(&user);
    }
    if app.realtime.0.sockets.of_user(&user).is_empty() {
        return;
    }
    if counted.ask {
        tell(app, &user, false);
    }
    let elsewhere = app.realtime.0.elsewhere.heard(counted);
    close_surplus(app, &user, &elsewhere);
}

fn tell(app: &App, user: &UserId, ask: bool) {
    let max = app.config.realtime.sockets_per_user;
    let here = app.realtime.0.sockets.of_user_since(user);
    let newest = here.iter().skip(here.len().saturating_sub(max));
    let counted = Counted {
        node: app.bus.node().to_owned(),
        user: user.clone(),
        since: newest.map(|(since, _)| since.as_millis()).collect(),
        ask,
    };
    if let Ok(payload) = serde_json::value::to_raw_value(&counted) {
        app.bus.publish(COUNTED, &Audience::socket(), &payload);
    }
}

fn close_surplus(app: &App, user: &UserId, elsewhere: &[(String, Vec<i64>)]) {
    let max = app.config.realtime.sockets_per_user;
    let here = app.realtime.0.sockets.of_user_since(user);
    let since: Vec<_> = here.iter().map(|(since, _)| since.as_millis()).collect();
    for index in surplus(max, app.bus.node(), &since, elsewhere) {
        if let Some((_, socket)) = here.get(index) {
            // Told to leave rather than cut off: a stock client that is cut off comes back.
            socket.disconnect(false, Reason::server(TOO_MANY_SOCKETS));
        }
    }
}

/// Which of the sockets that came to the node `me` at the times `here` are not among the newest
/// `max` of all nodes.
fn surplus(max: usize, me: &str, here: &[i64], elsewhere: &[(String, Vec<i64>)]) -> Vec<usize> {
    let here = here.iter().enumerate().map(|(index, since)| (*since, me, index));
    let elsewhere = elsewhere.iter().flat_map(|(node, since)| {
        since.iter().enumerate().map(move |(index, since)| (*since, node.as_str(), index))
    });
    let mut all: Vec<_> = here.chain(elsewhere).collect();
    all.sort_unstable();
    all.truncate(all.len().saturating_sub(max));
    all.into_iter().filter(|(_, node, _)| *node == me).map(|(_, _, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_all_nodes_stay() {
        let sockets = [("a", vec![10, 40, 50]), ("b", vec![20, 40]), ("c", vec![30])];
        for max in 1..8 {
            let mut closed = Vec::new();
            for (me, here) in &sockets {
                let others = sockets.iter().filter(|(node, _)| node != me);
                let others: Vec<_> = others.map(|(n, s)| ((*n).to_owned(), s.clone())).collect();
                closed.extend(
                    surplus(max, me, here, &others).into_iter().map(|index| (here[index], *me)),
                );
            }
            closed.sort_unstable();
            let oldest = [(10, "a"), (20, "b"), (30, "c"), (40, "a"), (40, "b"), (50, "a")];
            assert_eq!(closed, oldest[..6_usize.saturating_sub(max)], "{max} may stay");
        }
    }

    #[test]
    fn what_is_not_known_closes_nothing() {
        assert_eq!(surplus(2, "a", &[1, 2], &[]), [0; 0]);
        assert_eq!(surplus(2, "a", &[1, 2, 3], &[]), [0]);
        assert_eq!(surplus(2, "a", &[1, 2], &[("b".into(), vec![0])]), [0; 0], "an older one");
        assert_eq!(surplus(2, "a", &[1, 2], &[("b".into(), vec![3])]), [0]);
    }

    #[test]
    fn only_what_was_said_just_now_counts() {
        let elsewhere = Elsewhere::default();
        let user: UserId = "u1".parse().unwrap();
        let counted = |node: &str, since: &[i64]| Counted {
            node: node.into(),
            user: user.clone(),
            since: since.to_vec(),
            ask: false,
        };
        elsewhere.heard(counted("b", &[1, 2]));
        elsewhere.heard(counted("c", &[3]));
        let known = elsewhere.heard(counted("b", &[2]));
        assert_eq!(known, [("c".to_owned(), vec![3]), ("b".to_owned(), vec![2])]);
        for heard in elsewhere.lock().heard.get_mut(&user).unwrap() {
            heard.at -= FRESH_FOR;
        }
        assert_eq!(elsewhere.heard(counted("b", &[2])), [("b".to_owned(), vec![2])]);
    }
}
