//! The ids that the examples of the catalogue use, and their names in a room's pattern.
//!
//! Because examples are addressed by the same code as real events, the catalogue's patterns such
//! as `request-<requestId>` cannot differ from what is sent.

use crate::rooms::Room;
use crate::time::Timestamp;

macro_rules! example_ids {
    ($($(#[$meta:meta])* $function:ident: $id:ident = $text:literal as $placeholder:literal,)+) => {
        $(
            $(#[$meta])*
            pub fn $function() -> crate::ids::$id {
                crate::ids::$id::new(uuid::uuid!($text))
            }
        )+

        /// The room's name with a placeholder for its example id: `chat-<chatId>`.
        pub(crate) fn pattern(room: &Room) -> String {
            let name = room.to_string();
            $(if let Some(prefix) = name.strip_suffix($text) {
                return format!("{prefix}<{}>", $placeholder);
            })+
            name
        }
    };
}

example_ids! {
    /// The buyer of the example deal.
    buyer: UserId = "01934e5a-6f00-7000-8000-000000000001" as "buyerId",
    /// Its seller.
    seller: UserId = "01934e5a-6f00-7000-8000-000000000002" as "sellerId",
    /// Any user.
    user: UserId = "01934e5a-6f00-7000-8000-000000000003" as "userId",
    /// Who invited another user.
    referrer: UserId = "01934e5a-6f00-7000-8000-000000000004" as "referrerId",
    /// The purchase request.
    request: RequestId = "01934e5a-6f00-7000-8000-000000000010" as "requestId",
    /// The offer on it.
    offer: OfferId = "01934e5a-6f00-7000-8000-000000000011" as "offerId",
    /// Its category.
    category: CategoryId = "01934e5a-6f00-7000-8000-000000000012" as "categoryId",
    /// The template checkout.
    checkout: CheckoutId = "01934e5a-6f00-7000-8000-000000000013" as "checkoutId",
    /// The payment.
    payment: PaymentId = "01934e5a-6f00-7000-8000-000000000020" as "paymentId",
    /// The payout.
    payout: PayoutId = "01934e5a-6f00-7000-8000-000000000021" as "payoutId",
    /// The chat.
    chat: ChatId = "01934e5a-6f00-7000-8000-000000000030" as "chatId",
    /// A message in it.
    message: MessageId = "01934e5a-6f00-7000-8000-000000000031" as "messageId",
    /// A file.
    file: FileId = "01934e5a-6f00-7000-8000-000000000032" as "fileId",
    /// A notification.
    notification: NotificationId = "01934e5a-6f00-7000-8000-000000000040" as "notificationId",
    /// A movement of points.
    points_transaction: PointsTransactionId = "01934e5a-6f00-7000-8000-000000000050"
        as "transactionId",
}

/// The time of everything in the examples.
pub fn time() -> Timestamp {
    Timestamp::from_millis(1_795_428_000_000)
}

/// A transaction's hash on an EVM chain.
pub fn tx_hash() -> String {
    "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060".to_owned()
}
