//! Who may do what: every client event, for every role, on the own object, another's, and none.

use events::ClientEvent;
use serde_json::{Value, json};

use crate::support::market::id;
use crate::support::{Actor, TestApp, app_test};

/// Whose object an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Own,
    Others,
    None,
}

/// What buyer, seller and administrator are told about the own object, another's, and none.
/// `+` is yes, `-` is forbidden, `!` is unauthorized.
struct Row(ClientEvent, [&'static str; 3]);

/// A new client event fails the test until it has a row.
fn table() -> Vec<Row> {
    use ClientEvent::{
        Authenticate, JoinBuyerRoom, JoinChatRoom, JoinRequestRoom, JoinSellerRoom,
        JoinTemplateCheckoutRoom, JoinUserRoom, LeaveBuyerRoom, LeaveChatRoom, LeaveRequestRoom,
        LeaveSellerRoom, LeaveTemplateCheckoutRoom, LeaveUserRoom, TypingStart, TypingStop,
        UserOnline,
    };
    vec![
        Row(JoinUserRoom, ["+--", "+--", "+++"]),
        Row(JoinBuyerRoom, ["+--", "---", "+++"]),
        Row(JoinSellerRoom, ["---", "+--", "+++"]),
        // A buyer's own request is the one that the buyer made, a seller's the one that has an
        // offer of the seller's; an administrator has none, and may join any.
        Row(JoinRequestRoom, ["+--", "+--", "+++"]),
        // Own is a chat with somebody; an administrator may join any.
        Row(JoinChatRoom, ["+--", "+--", "+++"]),
        Row(JoinTemplateCheckoutRoom, ["---", "---", "+++"]),
        // Whoever is not in a room leaves it without harm.
        Row(LeaveUserRoom, ["+++", "+++", "+++"]),
        Row(LeaveBuyerRoom, ["+++", "+++", "+++"]),
        Row(LeaveSellerRoom, ["+++", "+++", "+++"]),
        Row(LeaveRequestRoom, ["+++", "+++", "+++"]),
        Row(LeaveChatRoom, ["+++", "+++", "+++"]),
        Row(LeaveTemplateCheckoutRoom, ["+++", "+++", "+++"]),
        Row(UserOnline, ["+--", "+--", "+--"]),
        // In a chat that was not joined.
        Row(TypingStart, ["---", "---", "---"]),
        Row(TypingStop, ["---", "---", "---"]),
        Row(Authenticate, ["+-!", "+-!", "+-!"]),
    ]
}

/// The objects of a caller and of somebody else with the same role.
struct Things {
    caller: Actor,
    other: Actor,
    own_request: String,
    other_request: String,
    own_chat: String,
    other_chat: String,
}

impl Things {
    fn argument(&self, event: ClientEvent, object: Object) -> Value {
        use ClientEvent as E;
        let pick = |own: &str, others: &str| match object {
            Object::Own => own.to_owned(),
            Object::Others => others.to_owned(),
            Object::None => "no-such-thing".to_owned(),
        };
        match event {
            E::JoinRequestRoom | E::LeaveRequestRoom => {
                pick(&self.own_request, &self.other_request).into()
            }
            E::JoinChatRoom | E::LeaveChatRoom => pick(&self.own_chat, &self.other_chat).into(),
            E::Authenticate => pick(&self.caller.token, &self.other.token).into(),
            E::TypingStart | E::TypingStop => {
                let user = pick(self.caller.id.as_str(), self.other.id.as_str());
                json!({ "chatId": "c1", "userId": user })
            }
            _ => pick(self.caller.id.as_str(), self.other.id.as_str()).into(),
        }
    }
}

async fn things(app: &TestApp) -> [Things; 3] {
    let (one, two) = (app.buyer().await, app.buyer().await);
    let (ours, theirs) = (one.publish(&json!({})).await, two.publish(&json!({})).await);
    let (left, right) = (app.seller().await, app.seller().await);
    left.make_offer(&ours, &json!({})).await;
    right.make_offer(&theirs, &json!({})).await;
    let chats = (one.chat_with(&left).await, two.chat_with(&right).await);
    let things = |caller: &Actor, other: &Actor| Things {
        caller: caller.clone(),
        other: other.clone(),
        own_request: id(&ours).to_owned(),
        other_request: id(&theirs).to_owned(),
        own_chat: id(&chats.0).to_owned(),
        other_chat: id(&chats.1).to_owned(),
    };
    [things(&one, &two), things(&left, &right), things(&app.admin().await, &app.admin().await)]
}

app_test!(
    every_event_for_every_role,
    [("SOCKET_EVENTS_PER_SECOND", "0"), ("PRESENCE_GRACE", "1h")],
    async |app| {
        let table = table();
        for event in ClientEvent::ALL {
            assert!(table.iter().any(|row| row.0 == *event), "{event} has no row");
        }
        let node = app.serve().await;
        for (role, things) in things(app).await.iter().enumerate() {
            let mut socket = things.caller.connect(&node).await;
            for Row(event, expected) in &table {
                let objects = [Object::Own, Object::Others, Object::None];
                for (object, sign) in objects.into_iter().zip(expected[role].chars()) {
                    let answer = socket.ask(event.as_str(), things.argument(*event, object)).await;
                    let code = match sign {
                        '+' => Value::Null,
                        '!' => "unauthorized".into(),
                        _ => "forbidden".into(),
                    };
                    let what = format!("{} {event} {object:?}: {answer}", things.caller.role);
                    assert_eq!(answer["ok"], code.is_null(), "{what}");
                    assert_eq!(answer["error"]["code"], code, "{what}");
                }
            }
        }
        node.stop().await;
    }
);
