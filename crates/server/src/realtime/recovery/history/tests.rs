use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::journal::Control;

const ROOMS: [&str; 3] = ["request-1", "chat-1", "sellers"];

/// What happens to a socket that is there, and around it.
#[derive(Debug, Clone)]
enum Step {
    Event(Vec<usize>, bool, Option<usize>, Option<usize>),
    Join(usize),
    Leave(usize),
    /// A membership ends, of this user or of another one.
    End(usize, bool),
}

fn users() -> [UserId; 2] {
    ["me".parse().unwrap(), "you".parse().unwrap()]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let room = 0..ROOMS.len();
    let user = || proptest::option::weighted(0.2, 0..2_usize);
    let rooms = proptest::collection::vec(room.clone(), 1..3);
    let step = prop_oneof![
        6 => (rooms, prop::bool::weighted(0.1), user(), user())
            .prop_map(|(rooms, all, only, except)| Step::Event(rooms, all, only, except)),
        2 => room.clone().prop_map(Step::Join),
        2 => room.clone().prop_map(Step::Leave),
        1 => (room, any::<bool>()).prop_map(|(room, mine)| Step::End(room, mine)),
    ];
    proptest::collection::vec(step, 0..60)
}

fn address(rooms: &[usize], everyone: bool, only: Option<usize>, except: Option<usize>) -> Address {
    let user = |index: usize| Room::from(users()[index].as_str());
    Address {
        rooms: rooms.iter().map(|room| Room::from(ROOMS[*room])).collect(),
        everyone,
        only: only.map(user),
        except: except.map(user),
    }
}

proptest! {
    /// Whatever happens, and wherever the client's connection breaks: what it gets afterwards is
    /// exactly what was sent to its socket behind the last event that it saw.
    #[test]
    fn a_replay_is_what_the_socket_got(steps in steps()) {
        let mut inside: BTreeSet<usize> = BTreeSet::new();
        let mut history = History::default();
        let (mut sent, mut journal) = (vec![0], Vec::new());
        for (index, step) in steps.iter().enumerate() {
            let before = journal.len() as i64;
            match step {
                Step::Event(rooms, everyone, only, except) => {
                    let position = before + 1;
                    let is_mine = (*everyone || rooms.iter().any(|room| inside.contains(room)))
                        && only.is_none_or(|user| user == 0)
                        && except.is_none_or(|user| user != 0);
                    if is_mine {
                        sent.push(position);
                    }
                    journal.push(Some(address(rooms, *everyone, *only, *except)));
                }
                Step::Join(room) => {
                    inside.insert(*room);
                    history.join(&ROOMS[*room].into(), before);
                }
                Step::Leave(room) => {
                    let was_inside = inside.remove(room);
                    let left = history.leave(ROOMS[*room], before);
                    prop_assert_eq!(left.is_some(), was_inside, "{}", index);
                }
                Step::End(room, mine) => {
                    journal.push(None);
                    if *mine {
                        inside.remove(room);
                        history.leave(ROOMS[*room], before + 1);
                    }
                }
            }
        }
        for (at, seen) in sent.iter().enumerate() {
            if *seen < history.proven_from {
                continue;
            }
            let replay: Vec<i64> = (seen + 1..=journal.len() as i64)
                .filter(|position| match &journal[*position as usize - 1] {
                    Some(address) => history.is_for(Some("me"), address, *position),
                    None => false,
                })
                .collect();
            prop_assert_eq!(&replay[..], &sent[at + 1..], "from {}", seen);
        }
        // It survives being written down.
        let json = serde_json::to_string(&history).unwrap();
        prop_assert_eq!(serde_json::from_str::<History>(&json).unwrap(), history);
    }
}

#[test]
fn departures_are_kept_for_those_who_have_just_left() {
    let mut history = History::default();
    for n in 0..20 {
        history.join(&"chat-1".into(), n * 10);
        history.leave("chat-1", n * 10 + 5);
    }
    assert_eq!(history.left.len(), LEFT_MAX);
    assert_eq!(history.proven_from, 115, "the twelfth departure is forgotten");
    history.join(&"chat-2".into(), 300);
    history.forget("chat-2", 310);
    assert!(history.joined.is_empty());
    assert_eq!(history.proven_from, 310);
}

#[test]
fn controls_break_the_sessions_of_those_whom_they_concern() {
    let [me, you] = users();
    let room: events::Room = "request-1".parse().unwrap();
    let mut history = History::default();
    history.join(&"request-1".into(), 10);
    let own = |role| Owner { user: Some(&me), role: Some(role) };
    let ended = |user: &UserId, room: &events::Room| Control::MembershipEnded {
        user: user.clone(),
        room: room.clone(),
    };
    let closed = |keep: &[&UserId]| Control::RoomClosed {
        room: room.clone(),
        keep: keep.iter().map(|user| (*user).clone()).collect(),
    };
    let breaks =
        |control: &Control, position| history.is_broken_by(own(Role::Seller), control, position);
    assert!(breaks(&ended(&me, &room), 11));
    assert!(!breaks(&ended(&me, &room), 10), "it came in later");
    assert!(!breaks(&ended(&you, &room), 11));
    assert!(!breaks(&ended(&me, &events::Room::Sellers), 11), "it is not in there");
    assert!(breaks(&closed(&[&you]), 11));
    assert!(!breaks(&closed(&[&you, &me]), 11));
    assert!(!breaks(&Control::SessionEnded { session: "s".into() }, 11));
    assert!(!history.is_broken_by(own(Role::Admin), &ended(&me, &room), 11));
}
