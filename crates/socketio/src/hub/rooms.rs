//! The rooms of one worker's sockets.

use super::command::{Scope, Selection};
use crate::io::Room;
use slab::Slab;
use smallvec::SmallVec;
use std::collections::HashMap;

/// A socket, and the session that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) socket: u32,
    pub(crate) session: u32,
}

struct RoomState {
    name: Room,
    namespace: u16,
    /// Many rooms are a user's own.
    members: SmallVec<[Member; 2]>,
}

/// That a socket is in a room, and where it stands among the room's members.
#[derive(Clone, Copy)]
struct Link {
    room: u32,
    at: u32,
}

#[derive(Default)]
struct Links {
    namespace: u16,
    /// Where the socket stands among all of its namespace; `None` while the slot is free.
    all_at: Option<u32>,
    rooms: SmallVec<[Link; 4]>,
    /// The last selection that looked at this socket.
    stamp: u32,
}

#[derive(Default)]
struct Namespace {
    rooms: HashMap<Room, u32>,
    all: Vec<Member>,
}

/// Which of a worker's sockets are in which room. Joining and leaving take constant time.
pub(crate) struct RoomTable {
    namespaces: Vec<Namespace>,
    rooms: Slab<RoomState>,
    /// By socket slot.
    links: Vec<Links>,
    stamp: u32,
}

impl RoomTable {
    pub(crate) fn new(namespaces: usize) -> Self {
        Self {
            namespaces: (0..namespaces).map(|_| Namespace::default()).collect(),
            rooms: Slab::new(),
            links: Vec::new(),
            stamp: 0,
        }
    }

    /// Makes the socket known; before that it is in no selection.
    pub(crate) fn add(&mut self, member: Member, namespace: u16) {
        let slot = member.socket as usize;
        if self.links.len() <= slot {
            self.links.resize_with(slot + 1, Links::default);
        }
        let all = &mut self.namespaces[namespace as usize].all;
        let links = &mut self.links[slot];
        links.namespace = namespace;
        links.all_at = Some(all.len() as u32);
        all.push(member);
    }

    /// Takes the socket out of everything. Returns the rooms that it was in.
    pub(crate) fn remove(&mut self, socket: u32) -> SmallVec<[Room; 4]> {
        let mut left = SmallVec::new();
        while let Some(link) = self.links.get(socket as usize).and_then(|l| l.rooms.last()) {
            left.push(self.rooms[link.room as usize].name.clone());
            self.unlink(socket, *link);
        }
        if let Some(links) = self.links.get_mut(socket as usize)
            && let Some(at) = links.all_at.take()
        {
            let all = &mut self.namespaces[links.namespace as usize].all;
            all.swap_remove(at as usize);
            if let Some(moved) = all.get(at as usize) {
                self.links[moved.socket as usize].all_at = Some(at);
            }
        }
        left
    }

    /// Whether the socket was not in the room before.
    pub(crate) fn join(&mut self, member: Member, name: &Room) -> bool {
        let links = &mut self.links[member.socket as usize];
        if links.all_at.is_none() {
            return false;
        }
        let namespace = links.namespace;
        let known = &mut self.namespaces[namespace as usize].rooms;
        let room = if let Some(room) = known.get(name) {
            *room
        } else {
            let state = RoomState { name: name.clone(), namespace, members: SmallVec::new() };
            let room = self.rooms.insert(state) as u32;
            known.insert(name.clone(), room);
            room
        };
        if links.rooms.iter().any(|link| link.room == room) {
            return false;
        }
        let members = &mut self.rooms[room as usize].members;
        links.rooms.push(Link { room, at: members.len() as u32 });
        members.push(member);
        true
    }

    /// Whether the socket was in the room.
    pub(crate) fn leave(&mut self, socket: u32, name: &str) -> bool {
        let Some(links) = self.links.get(socket as usize) else { return false };
        let Some(&room) = self.namespaces[links.namespace as usize].rooms.get(name) else {
            return false;
        };
        let Some(link) = links.rooms.iter().find(|link| link.room == room).copied() else {
            return false;
        };
        self.unlink(socket, link);
        true
    }

    fn unlink(&mut self, socket: u32, link: Link) {
        self.links[socket as usize].rooms.retain(|l| l.room != link.room);
        let state = &mut self.rooms[link.room as usize];
        state.members.swap_remove(link.at as usize);
        if let Some(moved) = state.members.get(link.at as usize) {
            let links = &mut self.links[moved.socket as usize].rooms;
            if let Some(l) = links.iter_mut().find(|l| l.room == link.room) {
                l.at = link.at;
            }
        } else if state.members.is_empty() {
            let state = self.rooms.remove(link.room as usize);
            self.namespaces[state.namespace as usize].rooms.remove(&state.name);
        }
    }

    /// The rooms of a socket.
    pub(crate) fn rooms_of(&self, socket: u32) -> Vec<Room> {
        self.links.get(socket as usize).map_or_else(Vec::new, |links| {
            links.rooms.iter().map(|l| self.rooms[l.room as usize].name.clone()).collect()
        })
    }

    fn members(&self, namespace: u16, room: &str) -> &[Member] {
        let found = self.namespaces[namespace as usize].rooms.get(room);
        found.map_or(&[], |room| &self.rooms[*room as usize].members)
    }

    /// Calls `each` once for every socket that is meant, and returns how many those are.
    /// `except` are the slots of single sockets to leave out.
    pub(crate) fn select(
        &mut self,
        selection: &Selection,
        except: &[u32],
        mut each: impl FnMut(Member),
    ) -> usize {
        let namespace = selection.namespace;
        // In one list nobody stands twice, so no socket need be looked at.
        let list = match &selection.scope {
            _ if !selection.except_rooms.is_empty() => None,
            Scope::All => Some(self.namespaces[namespace as usize].all.as_slice()),
            Scope::Rooms(rooms) if rooms.len() == 1 => Some(self.members(namespace, &rooms[0])),
            Scope::Rooms(_) => None,
        };
        if let Some(members) = list {
            let mut count = 0;
            for member in members.iter().filter(|member| !except.contains(&member.socket)) {
                count += 1;
                each(*member);
            }
            return count;
        }
        // Otherwise each socket is stamped when it was left out or counted.
        self.stamp = self.stamp.wrapping_add(1);
        let stamp = self.stamp;
        let Self { namespaces, rooms, links, .. } = self;
        let namespace = &namespaces[namespace as usize];
        let members = |room: &Room| {
            let found = namespace.rooms.get(room);
            found.map_or(&[][..], |room| rooms[*room as usize].members.as_slice())
        };
        for slot in except {
            if let Some(links) = links.get_mut(*slot as usize) {
                links.stamp = stamp;
            }
        }
        for room in &selection.except_rooms {
            for member in members(room) {
                links[member.socket as usize].stamp = stamp;
            }
        }
        let mut count = 0;
        let mut visit = |list: &[Member]| {
            for member in list {
                let seen = &mut links[member.socket as usize].stamp;
                if *seen != stamp {
                    *seen = stamp;
                    count += 1;
                    each(*member);
                }
            }
        };
        match &selection.scope {
            Scope::All => visit(&namespace.all),
            Scope::Rooms(rooms) => rooms.iter().for_each(|room| visit(members(room))),
        }
        count
    }
}
