//! What is done with chats and with who takes part in them.

use std::collections::HashSet;

use db::{Db, DbError};
use events::chat::{ParticipantRemoved, ParticipantsAdded};
use events::{ChatId, Role, Room, UserId};
use http::StatusCode;

use super::body::{AddParticipants, ChatQuery, CreateChat, CreateRequestChat, NewChatType};
use super::error::ChatError;
use super::model::{
    Access, Chat, ChatType, PARTICIPANTS_MAX, access, direct_singleton, request_singleton,
    support_singleton,
};
use super::store::{self, Found, Stored};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::journal::{Control, Tx};
use crate::notifications::Notice;
use crate::{notifications, requests, users};

pub use super::messages::{delete, edit, mark_read, page, send};

/// A chat that was asked for, and whether it is new.
pub struct Begun {
    /// The chat.
    pub chat: Chat,
    /// False where there was one already.
    pub fresh: bool,
}

/// Begins a direct chat or a group.
///
/// # Errors
/// 422 for users that are not there, for more or less than one other user in a direct chat, and
/// for its title.
pub async fn create(tx: &mut Tx, caller: &Caller, body: CreateChat) -> Result<Begun> {
    let me = &caller.user_id;
    for (index, user) in body.participant_ids.iter().enumerate() {
        check_user(tx, user, &format!("participantIds[{index}]")).await?;
    }
    let others: Vec<UserId> = body.participant_ids.into_iter().filter(|id| id != me).collect();
    let only = |message: &str| ApiError::invalid_field("participantIds", message);
    let (singleton, owner, kind) = match (body.kind, others.as_slice()) {
        (_, []) => return Err(only("must name somebody else")),
        (NewChatType::Direct, [other]) => {
            if body.title.is_some() {
                return Err(ApiError::invalid_field("title", "is for groups"));
            }
            (Some(direct_singleton(me, other)), None, ChatType::Direct)
        }
        (NewChatType::Direct, _) => return Err(only("must name one other user")),
        (NewChatType::Group, _) => (None, Some(me.clone()), ChatType::Group),
    };
    let mut chat = new_chat(tx, caller, kind);
    chat.title = body.title.map(|title| title.trim().to_owned());
    chat.owner_id = owner;
    begin(tx, caller, chat, singleton, &others).await
}

/// Begins the chat of a purchase request's buyer with a seller who may know of the request; either
/// of them may.
///
/// # Errors
/// 404 for a request that the caller may not know of, 403 for anybody but its buyer and the seller,
/// 422 for a seller who may not know of it.
pub async fn create_for_request(
    tx: &mut Tx,
    caller: &Caller,
    body: CreateRequestChat,
) -> Result<Begun> {
    let request = requests::service::seen_in(tx, caller, &body.purchase_request_id).await?.request;
    let seller = body.seller_id;
    let other = match caller.role {
        Role::Buyer => {
            if !requests::service::may_know(tx, &seller, &request.id).await? {
                let message = "is not a seller who may know of the request";
                return Err(ApiError::invalid_field("sellerId", message));
            }
            seller.clone()
        }
        Role::Seller if seller == caller.user_id => request.buyer_id,
        Role::Seller | Role::Admin => return Err(ApiError::forbidden()),
    };
    let singleton = request_singleton(&request.id, &seller);
    let mut chat = new_chat(tx, caller, ChatType::PurchaseRequest);
    chat.title = Some(request.title);
    chat.purchase_request_id = Some(request.id);
    begin(tx, caller, chat, Some(singleton), &[other]).await
}

/// Begins the caller's chat with the administrators.
///
/// # Errors
/// 403 for administrators.
pub async fn create_for_support(tx: &mut Tx, caller: &Caller) -> Result<Begun> {
    if caller.is_admin() {
        return Err(ApiError::forbidden());
    }
    let chat = new_chat(tx, caller, ChatType::Support);
    begin(tx, caller, chat, Some(support_singleton(&caller.user_id)), &[]).await
}

fn new_chat(tx: &Tx, caller: &Caller, kind: ChatType) -> Stored {
    Stored {
        id: tx.new_id(),
        kind,
        title: None,
        created_by: caller.user_id.clone(),
        owner_id: None,
        purchase_request_id: None,
        last_seq: 0,
        created_at: tx.now(),
        updated_at: tx.now(),
    }
}

/// Stores a new chat, or finds the one that there is.
async fn begin(
    tx: &mut Tx,
    caller: &Caller,
    chat: Stored,
    singleton: Option<String>,
    others: &[UserId],
) -> Result<Begun> {
    let fresh = store::insert(tx, &chat, singleton.as_deref()).await?;
    let id = match singleton {
        Some(singleton) if !fresh => store::find_singleton(tx, &singleton).await?,
        _ => {
            let now = tx.now();
            for user in std::iter::once(&caller.user_id).chain(others) {
                store::insert_participant(tx, &chat, user, 0, now).await?;
            }
            if chat.kind == ChatType::Group {
                notify_added(tx, &chat, others);
            }
            chat.id
        }
    };
    Ok(Begun { chat: find(tx, caller, &id).await?, fresh })
}

fn notify_added(tx: &mut Tx, chat: &Stored, added: &[UserId]) {
    for user in added {
        let notice = Notice::ChatAdded { chat: chat.id.clone(), title: chat.title.clone() };
        notifications::service::notify(tx, user, notice);
    }
}

async fn check_user(tx: &mut Tx, id: &UserId, field: &str) -> Result<()> {
    match users::service::find(tx, id).await {
        Ok(_) => Ok(()),
        Err(error) if error.status == StatusCode::NOT_FOUND => {
            Err(ApiError::invalid_field(field, "is not a user"))
        }
        Err(error) => Err(error),
    }
}

/// A chat, and what the caller may do in it: never [`Access::None`].
pub(super) struct Place {
    pub found: Found,
    pub access: Access,
}

impl Place {
    /// 403 for administrators who only read.
    pub fn taking_part(self) -> Result<Found> {
        match self.access {
            Access::TakePart => Ok(self.found),
            Access::Read | Access::None => Err(ApiError::forbidden()),
        }
    }
}

/// The chat, for a caller who may know of it.
///
/// # Errors
/// 404.
pub(super) async fn seen(tx: &mut db::Tx, caller: &Caller, id: &ChatId) -> Result<Place> {
    let found = store::find(tx, id, &caller.user_id).await?.ok_or_else(ApiError::not_found)?;
    match access(caller.role, found.chat.kind, found.part.is_some()) {
        Access::None => Err(ApiError::not_found()),
        access => Ok(Place { found, access }),
    }
}

/// As [`seen`], with the chat locked until the transaction ends.
///
/// # Errors
/// 404.
pub(super) async fn lock(tx: &mut Tx, caller: &Caller, id: &ChatId) -> Result<Place> {
    if !store::lock(tx, id).await? {
        return Err(ApiError::not_found());
    }
    seen(tx, caller, id).await
}

async fn document(tx: &mut db::Tx, Place { found, access }: Place) -> Result<Chat> {
    let Found { chat, part, last_message } = found;
    let participants = store::participants(tx, &chat.id).await?;
    let unread_count = match access {
        Access::TakePart => part.unwrap_or_default().unread(chat.last_seq),
        Access::Read | Access::None => 0,
    };
    Ok(Chat {
        id: chat.id,
        kind: chat.kind,
        title: chat.title,
        created_by: chat.created_by,
        owner_id: chat.owner_id,
        purchase_request_id: chat.purchase_request_id,
        participant_ids: participants.iter().map(|user| user.id.clone()).collect(),
        participants,
        last_message,
        unread_count,
        created_at: chat.created_at,
        updated_at: chat.updated_at,
    })
}

/// One chat.
///
/// # Errors
/// 404.
pub async fn find(tx: &mut db::Tx, caller: &Caller, id: &ChatId) -> Result<Chat> {
    let place = seen(tx, caller, id).await?;
    document(tx, place).await
}

/// One page of the chats that the caller takes part in.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn list(app: &App, caller: &Caller, query: &ChatQuery) -> Result<Listing<Chat>> {
    let page = query.page()?;
    let mut tx = app.db.begin_read().await?;
    let (rows, total) = store::list(&mut tx, &caller.user_id, caller.is_admin(), page).await?;
    let mut chats = Vec::with_capacity(rows.len());
    for found in rows {
        chats.push(document(&mut tx, Place { found, access: Access::TakePart }).await?);
    }
    Ok(page.listing(chats, total))
}

/// Those of these users who may be in the room of the chat beside each.
///
/// # Errors
/// When the database cannot be read.
pub async fn may_join(
    db: &Db,
    asked: &[(UserId, ChatId)],
) -> Result<HashSet<(UserId, ChatId)>, DbError> {
    store::taking_part(db, asked).await
}

/// Whether a user may read the chat.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn may_read(tx: &mut db::Tx, caller: &Caller, id: &ChatId) -> Result<bool> {
    let found = store::find(tx, id, &caller.user_id).await?;
    Ok(found.is_some_and(|found| {
        access(caller.role, found.chat.kind, found.part.is_some()) != Access::None
    }))
}

/// Adds users to a group.
///
/// # Errors
/// 404, 403 for anybody but its owner and administrators, 409 `members_fixed`, `chat_full`, 422 for
/// users that are not there.
pub async fn add_participants(
    tx: &mut Tx,
    caller: &Caller,
    id: &ChatId,
    body: AddParticipants,
) -> Result<Chat> {
    let chat = lock(tx, caller, id).await?.found.chat;
    check_group(&chat)?;
    check_manages(caller, &chat)?;
    let (mut added, now) = (Vec::new(), tx.now());
    for (index, user) in body.user_ids.iter().enumerate() {
        check_user(tx, user, &format!("userIds[{index}]")).await?;
        if store::insert_participant(tx, &chat, user, chat.last_seq, now).await? {
            added.push(user.clone());
        }
    }
    notify_added(tx, &chat, &added);
    let chat = find(tx, caller, id).await?;
    if chat.participant_ids.len() > PARTICIPANTS_MAX {
        return Err(ChatError::Full(PARTICIPANTS_MAX).into());
    }
    if !added.is_empty() {
        tx.emit(ParticipantsAdded { chat_id: id.clone(), added_user_ids: added }, &())?;
    }
    Ok(chat)
}

/// Takes a participant out of a group: the caller, who leaves, or another one.
///
/// # Errors
/// 404, also for a user who does not take part; 403 for anybody but the user, the owner and
/// administrators, 409 `members_fixed`.
pub async fn remove_participant(
    tx: &mut Tx,
    caller: &Caller,
    id: &ChatId,
    user: &UserId,
) -> Result<()> {
    let chat = lock(tx, caller, id).await?.found.chat;
    check_group(&chat)?;
    if *user != caller.user_id {
        check_manages(caller, &chat)?;
    }
    if !store::delete_participant(tx, id, user).await? {
        return Err(ApiError::not_found());
    }
    if chat.owner_id.as_ref() == Some(user) {
        let rest = store::participants(tx, id).await?;
        store::set_owner(tx, id, rest.first().map(|oldest| &oldest.id)).await?;
    }
    // Who goes hears of it, and of nothing after.
    tx.emit(ParticipantRemoved { chat_id: id.clone(), removed_user_id: user.clone() }, &())?;
    tx.control(Control::MembershipEnded { user: user.clone(), room: Room::Chat(id.clone()) })
}

fn check_group(chat: &Stored) -> Result<()> {
    if chat.kind == ChatType::Group { Ok(()) } else { Err(ChatError::MembersFixed.into()) }
}

fn check_manages(caller: &Caller, chat: &Stored) -> Result<()> {
    if caller.is_admin() || chat.owner_id.as_ref() == Some(&caller.user_id) {
        return Ok(());
    }
    Err(ApiError::forbidden())
}
