//! The documents that travel in events; REST answers with the same ones.
//!
//! What holds always here: fields are camelCase, a document's own id is `_id`, an absent value is
//! an absent field and never `null`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::example;
use crate::ids::{
    CategoryId, ChatId, CheckoutId, FileId, MessageId, NotificationId, OfferId, PaymentId,
    PayoutId, RequestId, UserId,
};
use crate::money::{Amount, AmountError, Currency, Money};
use crate::status::{
    DeliveryUnit, EscrowState, OfferStatus, PaymentException, PaymentProvider, PaymentStatus,
    PayoutStatus, ProductType, RequestStatus, Role, Urgency,
};
use crate::time::Timestamp;

/// What everyone may know of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicUser {
    /// The user.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// Buyer, seller or administrator.
    pub role: Role,
    /// The picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub avatar_id: Option<FileId>,
    /// What others say about the user; absent where nobody said anything yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rating: Option<Rating>,
    /// When the user registered.
    pub created_at: Timestamp,
}

/// What others say about a user, in sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// Stars, 1 to 5, on average; to a hundredth.
    pub average: f64,
    /// How many reviews there are.
    pub count: u32,
}

impl Rating {
    /// From the number of reviews and the sum of their stars; `None` where there are none.
    pub fn of(reviews: i64, stars: i64) -> Option<Self> {
        let count = u32::try_from(reviews).ok().filter(|count| *count > 0)?;
        let hundredths = (stars as f64 * 100.0 / f64::from(count)).round();
        Some(Self { average: hundredths / 100.0, count })
    }
}

/// What the buyer wants to spend, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// At least.
    pub min: Amount,
    /// At most.
    pub max: Amount,
    /// The currency of both.
    pub currency: Currency,
}

impl Budget {
    /// From `min` to `max` minor units of `currency`.
    pub fn from_minor(min: i64, max: i64, currency: Currency) -> Self {
        let amount = |minor| Amount::from_minor(minor, currency);
        Self { min: amount(min), max: amount(max), currency }
    }

    /// Both ends in minor units of the currency.
    ///
    /// # Errors
    /// [`AmountError`], where the amounts came from outside.
    pub fn minor(&self) -> Result<(i64, i64), AmountError> {
        Ok((self.min.minor(self.currency)?, self.max.minor(self.currency)?))
    }
}

/// Where the goods go. Only the buyer and the chosen seller see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryInfo {
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub city: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub country: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub postal_code: Option<String>,
    /// A telephone number for the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone: Option<String>,
    /// Anything else the seller should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notes: Option<String>,
}

/// A purchase request (contract §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseRequest {
    /// The request.
    #[serde(rename = "_id")]
    pub id: RequestId,
    /// What is wanted, in a line.
    pub title: String,
    /// What is wanted, in full.
    pub description: String,
    /// Its place in the category tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub category_id: Option<CategoryId>,
    /// What kind of thing it is.
    pub product_type: ProductType,
    /// How many.
    pub quantity: u32,
    /// What the buyer wants to spend.
    pub budget: Budget,
    /// How soon.
    pub urgency: Urgency,
    /// Where it stands.
    pub status: RequestStatus,
    /// Who asks.
    pub buyer_id: UserId,
    /// Present where the request is private: the sellers who are invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub preferred_seller_ids: Option<Vec<UserId>>,
    /// Where the goods go, for those who may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delivery_info: Option<DeliveryInfo>,
    /// Offers are taken until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub offers_until: Option<Timestamp>,
    /// The accepted offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub selected_offer_id: Option<OfferId>,
    /// How many live offers there are, for those who may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub offers_count: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How long the delivery takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryTime {
    /// How many units.
    pub amount: u32,
    /// Of what.
    pub unit: DeliveryUnit,
}

/// A seller's offer on a request (contract §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The offer.
    #[serde(rename = "_id")]
    pub id: OfferId,
    /// The request that it answers.
    pub request_id: RequestId,
    /// Who offers.
    pub seller_id: UserId,
    /// The price of everything asked for.
    pub price: Money,
    /// How long the delivery takes.
    pub delivery_time: DeliveryTime,
    /// The seller's words.
    pub message: String,
    /// Where it stands.
    pub status: OfferStatus,
    /// It expires then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub valid_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A file that hangs on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The file.
    #[serde(rename = "_id")]
    pub id: FileId,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is fetched, relative to the server.
    pub url: String,
}

/// A message in a chat (contract §3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// The message.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// The chat that it is in.
    pub chat_id: ChatId,
    /// Its text; empty when it was deleted.
    pub content: String,
    /// Who wrote it.
    pub sender_id: UserId,
    /// When it was sent.
    pub created_at: Timestamp,
    /// Files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attachments: Option<Vec<Attachment>>,
    /// The sender's own id of it, by which a repeated send is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client_message_id: Option<String>,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub edited_at: Option<Timestamp>,
    /// When it was deleted; what remains is a tombstone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deleted_at: Option<Timestamp>,
}

/// A notification (contract §3.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The notification.
    #[serde(rename = "_id")]
    pub id: NotificationId,
    /// What kind it is, e.g. `new_offer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its head line.
    pub title: String,
    /// Its text.
    pub body: String,
    /// What it refers to, e.g. a `requestId`.
    pub data: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its owner read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read_at: Option<Timestamp>,
}

/// A payment into escrow (contract §4). A seller sees the own share of it only, and that as if
/// it were all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The payment.
    #[serde(rename = "_id")]
    pub id: PaymentId,
    /// Its rail.
    pub provider: PaymentProvider,
    /// Where it stands.
    pub status: PaymentStatus,
    /// Where its money is.
    pub escrow_state: EscrowState,
    /// What is odd about its money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exception: Option<PaymentException>,
    /// Who pays.
    pub buyer_id: UserId,
    /// How much is to be paid in all.
    pub amount: Amount,
    /// The currency of every amount here.
    pub currency: Currency,
    /// How much has arrived and is confirmed. For the buyer and administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub received: Option<Amount>,
    /// What of that came beside the price and stands to the buyer's credit: too much, too late, or
    /// not yet enough. For the buyer and administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub excess: Option<Amount>,
    /// What it pays: one request, or each of a checkout.
    pub shares: Vec<PaymentShare>,
    /// The checkout that it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub checkout_id: Option<CheckoutId>,
    /// The transaction that brought the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tx_hash: Option<String>,
    /// Why it failed or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure_reason: Option<String>,
    /// It is to be paid until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Timestamp>,
    /// When the money was in escrow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confirmed_at: Option<Timestamp>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What of a payment is for one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentShare {
    /// The request.
    pub request_id: RequestId,
    /// Who will get it.
    pub seller_id: UserId,
    /// The accepted offer; none where the request came from a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub offer_id: Option<OfferId>,
    /// The price.
    pub amount: Amount,
    /// What of it the platform keeps when it is released.
    pub fee: Amount,
    /// Where the money of this request is.
    pub escrow_state: EscrowState,
    /// What of the price went to the seller, the fee in it, once that is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to_seller: Option<Amount>,
    /// What of the price goes back to the buyer, once that is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to_buyer: Option<Amount>,
    /// The transaction that brought that back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refund_tx_hash: Option<String>,
}

/// Money on its way to a seller (contract §4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payout {
    /// The payout.
    #[serde(rename = "_id")]
    pub id: PayoutId,
    /// The payment whose escrow it pays out.
    pub payment_id: PaymentId,
    /// The request that was paid.
    pub request_id: RequestId,
    /// Who gets it.
    pub seller_id: UserId,
    /// Its rail.
    pub provider: PaymentProvider,
    /// How much, without the fee.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The coin that it is paid in, as the gateway names it.
    pub crypto: String,
    /// Where it goes.
    pub address: String,
    /// Where it stands.
    pub status: PayoutStatus,
    /// How often it was handed to the gateway: more than once only after a certain failure.
    pub attempt: u32,
    /// The gateway's task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub task_id: Option<String>,
    /// The transaction on the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tx_hash: Option<String>,
    /// Why it failed, or why it is not known where it is. For administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When the seller had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub completed_at: Option<Timestamp>,
}

impl PurchaseRequest {
    /// The request of the catalogue's examples.
    pub fn example() -> Self {
        Self {
            id: example::request(),
            title: "Two mechanical keyboards".to_owned(),
            description: "ISO layout, brown switches.".to_owned(),
            category_id: Some(example::category()),
            product_type: ProductType::Physical,
            quantity: 2,
            budget: Budget::from_minor(10_000, 25_000, Currency::Usd),
            urgency: Urgency::Medium,
            status: RequestStatus::Active,
            buyer_id: example::buyer(),
            preferred_seller_ids: None,
            delivery_info: Some(DeliveryInfo {
                city: Some("Lisbon".to_owned()),
                country: Some("Portugal".to_owned()),
                ..DeliveryInfo::default()
            }),
            offers_until: Some(example::time()),
            selected_offer_id: None,
            offers_count: Some(0),
            created_at: example::time(),
            updated_at: example::time(),
        }
    }
}

impl Offer {
    /// The offer of the catalogue's examples.
    pub fn example() -> Self {
        Self {
            id: example::offer(),
            request_id: example::request(),
            seller_id: example::seller(),
            price: Money::from_minor(18_000, Currency::Usd),
            delivery_time: DeliveryTime { amount: 3, unit: DeliveryUnit::Days },
            message: "Both in stock.".to_owned(),
            status: OfferStatus::Pending,
            valid_until: Some(example::time()),
            created_at: example::time(),
            updated_at: example::time(),
        }
    }
}
