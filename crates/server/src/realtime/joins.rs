//! Who may be in which room (contract §1.2).

use std::collections::{HashMap, HashSet};

use db::DbError;
use events::{Access, Role, Room, UserId};

use crate::app::App;
use crate::error::Result;
use crate::extract::Caller;
use crate::{chat, requests, templates};

/// Whether a user may be in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The room's slice knows: [`is_member`].
    Ask,
}

/// What the token alone says about a membership.
pub fn by_token(access: Access, caller: Option<&Caller>, room: &Room) -> Membership {
    // Nobody joins these: administrators are put into the one, the other is no room.
    if matches!(room, Room::Admins | Room::Everyone) {
        return Membership::No;
    }
    let caller = match (access, caller) {
        (Access::Open, _) => return Membership::Yes,
        (Access::Strict, None) => return Membership::No,
        (Access::Strict, Some(caller)) => caller,
    };
    if caller.is_admin() {
        return Membership::Yes;
    }
    let allowed = match room {
        Room::User(id) => *id == caller.user_id,
        Room::Seller(id) => caller.role == Role::Seller && *id == caller.user_id,
        Room::Buyer(id) => caller.role == Role::Buyer && *id == caller.user_id,
        Room::Sellers => caller.role == Role::Seller,
        Room::Buyers => caller.role == Role::Buyer,
        Room::Request(_) | Room::Chat(_) | Room::TemplateCheckout(_) => return Membership::Ask,
        Room::Admins | Room::Everyone => false,
    };
    if allowed { Membership::Yes } else { Membership::No }
}

/// A user of this role, and the room that it wants to be in.
pub type Asked = (UserId, Role, Room);

/// Asks the slice that owns the room; many are asked at once.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_member(app: &App, caller: &Caller, room: &Room) -> Result<bool> {
    let asked = (caller.user_id.clone(), caller.role, room.clone());
    Ok(app.realtime.0.members.ask(app, asked).await? == Some(true))
}

/// Who of `asked` may be in their rooms.
pub async fn members(app: App, asked: Vec<Asked>) -> Result<HashMap<Asked, bool>, DbError> {
    let (mut requests, mut chats, mut checkouts) = (Vec::new(), Vec::new(), Vec::new());
    for (user, role, room) in &asked {
        match room {
            Room::Request(id) => requests.push((user.clone(), *role, id.clone())),
            Room::Chat(id) => chats.push((user.clone(), id.clone())),
            Room::TemplateCheckout(id) => checkouts.push((user.clone(), id.clone())),
            _ => {}
        }
    }
    let mut found = HashSet::new();
    if !requests.is_empty() {
        let may_join = requests::service::may_join(&app.db, &requests).await?;
        let may_join = requests.into_iter().zip(may_join).filter(|(_, may_join)| *may_join);
        found.extend(may_join.map(|((user, _, id), _)| (user, Room::Request(id))));
    }
    if !chats.is_empty() {
        let may_join = chat::service::may_join(&app.db, &chats).await?;
        found.extend(may_join.into_iter().map(|(user, id)| (user, Room::Chat(id))));
    }
    if !checkouts.is_empty() {
        let may_join = templates::checkout::may_join(&app.db, &checkouts).await?;
        found.extend(may_join.into_iter().map(|(user, id)| (user, Room::TemplateCheckout(id))));
    }
    let answer = |(user, role, room): Asked| {
        let is_member = found.contains(&(user.clone(), room.clone()));
        ((user, role, room), is_member)
    };
    Ok(asked.into_iter().map(answer).collect())
}

#[cfg(test)]
mod tests {
    use events::Timestamp;

    use super::*;
    use crate::extract::Session;

    fn caller(role: Role) -> Caller {
        Caller {
            user_id: "me".parse().unwrap(),
            role,
            session: Session("s".into()),
            expires_at: Timestamp::from_millis(0),
        }
    }

    /// A room and what buyers, sellers and administrators are told in `strict`.
    fn table() -> Vec<(Room, [Membership; 3])> {
        use Membership::{Ask, No, Yes};
        let id = |id: &str| id.parse::<UserId>().unwrap();
        vec![
            (Room::User(id("me")), [Yes, Yes, Yes]),
            (Room::User(id("you")), [No, No, Yes]),
            (Room::Buyer(id("me")), [Yes, No, Yes]),
            (Room::Buyer(id("you")), [No, No, Yes]),
            (Room::Buyers, [Yes, No, Yes]),
            (Room::Seller(id("me")), [No, Yes, Yes]),
            (Room::Seller(id("you")), [No, No, Yes]),
            (Room::Sellers, [No, Yes, Yes]),
            (Room::Request("me".parse().unwrap()), [Ask, Ask, Yes]),
            (Room::Chat("me".parse().unwrap()), [Ask, Ask, Yes]),
            (Room::TemplateCheckout("me".parse().unwrap()), [Ask, Ask, Yes]),
            (Room::Admins, [No, No, No]),
            (Room::Everyone, [No, No, No]),
        ]
    }

    #[test]
    fn strict_goes_by_the_token() {
        for (room, expected) in table() {
            let got = [Role::Buyer, Role::Seller, Role::Admin]
                .map(|role| by_token(Access::Strict, Some(&caller(role)), &room));
            assert_eq!(got, expected, "{room}");
            assert_eq!(by_token(Access::Strict, None, &room), Membership::No, "{room}");
        }
    }

    #[test]
    fn open_lets_anyone_into_every_room_that_can_be_joined() {
        for (room, _) in table() {
            let joinable = !matches!(room, Room::Admins | Room::Everyone);
            let expected = if joinable { Membership::Yes } else { Membership::No };
            assert_eq!(by_token(Access::Open, None, &room), expected, "{room}");
            let caller = caller(Role::Buyer);
            assert_eq!(by_token(Access::Open, Some(&caller), &room), expected, "{room}");
        }
    }
}
