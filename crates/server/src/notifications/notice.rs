//! Everything that users are told, one variant a step.
//!
//! How to add one: a variant of [`Notice`], its arm in [`Notice::render`], and an example in the
//! test below; the slice that makes the step calls [`notify`](super::service::notify).

use events::documents::PurchaseRequest;
use events::{
    ChatId, CheckoutId, DeliveryStatus, DisputeId, MessageId, Money, OfferId, PaymentException,
    PaymentId, PayoutId, RequestId, ReviewId, Timestamp, UserId,
};
use serde_json::{Map, Value};
use strum::EnumDiscriminants;

use super::model::Category;

/// The deal that a notice is about.
#[derive(Debug, Clone)]
pub struct Deal {
    /// The request.
    pub request: RequestId,
    /// Its title.
    pub title: String,
}

impl From<&PurchaseRequest> for Deal {
    fn from(request: &PurchaseRequest) -> Self {
        Self { request: request.id.clone(), title: request.title.clone() }
    }
}

/// A step that somebody is told of; in brackets, who that is.
#[derive(Debug, Clone, EnumDiscriminants)]
#[strum_discriminants(
    name(Kind),
    derive(strum::AsRefStr, strum::VariantArray),
    strum(serialize_all = "snake_case"),
    doc = "The kind of a notice, as its notification's `type` names it."
)]
#[expect(missing_docs, reason = "fields are what their names and types say")]
pub enum Notice {
    /// A private request invites a seller. [each invited seller]
    RequestInvitation { deal: Deal },
    /// A request was called off. [sellers with a live offer; the buyer where somebody else did it]
    RequestCancelled { deal: Deal, reason: String },
    /// An offer was made. [the buyer]
    OfferReceived { deal: Deal, offer: OfferId, price: Money },
    /// An offer was chosen. [its seller]
    OfferAccepted { deal: Deal, offer: OfferId },
    /// An offer was turned down, or lost. [its seller]
    OfferRejected { deal: Deal, offer: OfferId, reason: Option<String> },
    /// A seller took an offer back. [the buyer]
    OfferWithdrawn { deal: Deal, offer: OfferId },
    /// An offer's `validUntil` passed. [buyer and seller]
    OfferExpired { deal: Deal, offer: OfferId },
    /// An accepted offer was not paid in time. [buyer and seller]
    OfferPaymentTimedOut { deal: Deal, offer: OfferId },
    /// A payment waits to be paid. [the buyer]
    PaymentCreated { deal: Deal, payment: PaymentId, amount: Money },
    /// The buyer's money is in escrow. [the buyer]
    PaymentConfirmed { deal: Deal, payment: PaymentId, amount: Money },
    /// The buyer's money is in escrow: ship. [the seller]
    PaymentReceived { deal: Deal, payment: PaymentId, amount: Money },
    /// A payment did not work. [the buyer]
    PaymentFailed { deal: Deal, payment: PaymentId, reason: String },
    /// A payment's time is over. [the buyer]
    PaymentExpired { deal: Deal, payment: PaymentId },
    /// The money goes back. [buyer and seller]
    PaymentRefunded { deal: Deal, payment: PaymentId, amount: Money },
    /// Money came that does not fit its payment. [the buyer]
    PaymentException { deal: Deal, payment: PaymentId, exception: PaymentException },
    /// A template checkout is paid. [the buyer]
    CheckoutPaid { checkout: CheckoutId, payment: PaymentId, requests: usize },
    /// A template checkout came to nothing. [buyer and sellers]
    CheckoutFailed { checkout: CheckoutId, reason: String },
    /// Somebody bought from a template. [the seller]
    TemplateOrdered { deal: Deal, checkout: CheckoutId },
    /// The goods were handed over to the carrier. [the buyer]
    Shipped { deal: Deal, carrier: Option<String>, tracking_number: Option<String> },
    /// The shipment moved. [the buyer]
    DeliveryUpdated { deal: Deal, status: DeliveryStatus },
    /// There is a delivery code, which the notice does not tell. [both, or whoever waits for it]
    DeliveryCodeGenerated { deal: Deal },
    /// The goods were received against the code. [buyer and seller]
    Delivered { deal: Deal, auto_release_at: Option<Timestamp> },
    /// The deal releases its escrow by itself soon. [the buyer]
    AutoReleaseAhead { deal: Deal, at: Timestamp },
    /// The deal is done and its escrow released. [buyer and seller]
    DealCompleted { deal: Deal },
    /// A payout is on its way. [the seller]
    PayoutStarted { deal: Option<Deal>, payout: PayoutId, amount: Money },
    /// A payout has arrived. [the seller]
    PayoutCompleted { deal: Option<Deal>, payout: PayoutId, amount: Money },
    /// A payout did not work. [the seller, administrators]
    PayoutFailed { deal: Option<Deal>, payout: PayoutId, amount: Money },
    /// A dispute was opened. [the other party, administrators]
    DisputeOpened { deal: Deal, dispute: DisputeId },
    /// Evidence was added to a dispute. [the other party]
    DisputeEvidence { deal: Deal, dispute: DisputeId },
    /// A dispute was resolved; `outcome` is `release`, `refund` or `split`. [buyer and seller]
    DisputeResolved { deal: Deal, dispute: DisputeId, outcome: String },
    /// A message came. [members of the chat who are away]
    ChatMessage { chat: ChatId, message: MessageId, sender: UserId, name: String, preview: String },
    /// A user was taken into a chat. [the user]
    ChatAdded { chat: ChatId, title: Option<String> },
    /// A user reached a level. [the user]
    LevelUp { old_level: String, new_level: String, perks: Vec<String> },
    /// An invited user registered. [the referrer]
    ReferralSignup { user: UserId, name: String },
    /// An invited user's first deal brought points. [the referrer]
    ReferralReward { user: UserId, points: i64 },
    /// Points of a refunded deal were taken back. [whoever had them]
    PointsReversed { request: RequestId, points: i64 },
    /// Points have expired. [their owner]
    PointsExpired { points: i64 },
    /// The other party wrote a review. [who is reviewed]
    ReviewReceived { deal: Deal, review: ReviewId, rating: u8 },
}

/// A notice as its owner reads it.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub category: Category,
    pub kind: Kind,
    pub title: &'static str,
    pub body: String,
    pub data: Map<String, Value>,
}

/// Longest part of somebody else's text that a notification repeats, in characters.
const QUOTE_MAX: usize = 120;

fn quote(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(QUOTE_MAX) {
        Some((end, _)) => format!("“{}…”", text[..end].trim_end()),
        None => format!("“{text}”"),
    }
}

fn money(money: &Money) -> String {
    format!("{} {}", money.amount, money.currency)
}

fn data(pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

fn about(deal: &Deal, more: &[(&str, &str)]) -> Map<String, Value> {
    let mut map = data(&[("requestId", deal.request.as_str())]);
    map.append(&mut data(more));
    map
}

/// Why an offer or a checkout ended, in words, where the reason is one of the program's own.
fn in_words(reason: &str) -> &str {
    use crate::offers::model::reason as r;
    match reason {
        r::ANOTHER_OFFER_WON => "the buyer chose another offer",
        r::EXPIRED => "it has expired",
        r::PAYMENT_TIMEOUT => "it was not paid in time",
        other => other,
    }
}

impl Notice {
    /// What its owner reads.
    pub(super) fn render(&self) -> Rendered {
        use Category as C;
        let (category, title, body, data) = match self {
            Self::RequestInvitation { deal } => (
                C::Requests,
                "You are invited to make an offer",
                format!("A buyer invites you to answer {}.", quote(&deal.title)),
                about(deal, &[]),
            ),
            Self::RequestCancelled { deal, reason } => (
                C::Requests,
                "A request was cancelled",
                format!("{} was cancelled: {}", quote(&deal.title), quote(reason)),
                about(deal, &[]),
            ),
            Self::OfferReceived { deal, offer, price } => (
                C::Offers,
                "A new offer",
                format!("{} for {}.", money(price), quote(&deal.title)),
                about(deal, &[("offerId", offer.as_str())]),
            ),
            Self::OfferAccepted { deal, offer } => (
                C::Offers,
                "Your offer was accepted",
                format!("The buyer of {} chose your offer.", quote(&deal.title)),
                about(deal, &[("offerId", offer.as_str())]),
            ),
            Self::OfferRejected { deal, offer, reason } => (
                C::Offers,
                "Your offer was not chosen",
                match reason {
                    Some(reason) => format!(
                        "{}: {}.",
                        quote(&deal.title),
                        in_words(reason).trim_end_matches('.')
                    ),
                    None => format!("The buyer of {} turned it down.", quote(&deal.title)),
                },
                about(deal, &[("offerId", offer.as_str())]),
            ),
            Self::OfferWithdrawn { deal, offer } => (
                C::Offers,
                "An offer was withdrawn",
                format!("A seller took back an offer on {}.", quote(&deal.title)),
                about(deal, &[("offerId", offer.as_str())]),
            ),
            Self::OfferExpired { deal, offer } => (
                C::Offers,
                "An offer has expired",
                format!("An offer on {} is no longer valid.", quote(&deal.title)),
                about(deal, &[("offerId", offer.as_str())]),
            ),
            Self::OfferPaymentTimedOut { deal, offer } => (
                C::Offers,
                "An accepted offer was not paid in time",
                format!("{} is open for offers again.", quote(&deal.title)),
                about(deal, &[("offerId", offer.as_str())]),
            ),
            Self::PaymentCreated { deal, payment, amount } => (
                C::Payments,
                "Your payment is ready",
                format!("Pay {} for {}.", money(amount), quote(&deal.title)),
                about(deal, &[("paymentId", payment.as_str())]),
            ),
            Self::PaymentConfirmed { deal, payment, amount } => (
                C::Payments,
                "Your payment is confirmed",
                format!("{} for {} is held in escrow.", money(amount), quote(&deal.title)),
                about(deal, &[("paymentId", payment.as_str())]),
            ),
            Self::PaymentReceived { deal, payment, amount } => (
                C::Payments,
                "The buyer has paid",
                format!(
                    "{} for {} is held in escrow. You can deliver now.",
                    money(amount),
                    quote(&deal.title)
                ),
                about(deal, &[("paymentId", payment.as_str())]),
            ),
            Self::PaymentFailed { deal, payment, reason } => (
                C::Payments,
                "Your payment failed",
                format!("The payment for {} failed: {reason}.", quote(&deal.title)),
                about(deal, &[("paymentId", payment.as_str())]),
            ),
            Self::PaymentExpired { deal, payment } => (
                C::Payments,
                "Your payment has expired",
                format!("{} was not paid in time.", quote(&deal.title)),
                about(deal, &[("paymentId", payment.as_str())]),
            ),
            Self::PaymentRefunded { deal, payment, amount } => (
                C::Payments,
                "A payment was refunded",
                format!("{} for {} goes back to the buyer.", money(amount), quote(&deal.title)),
                about(deal, &[("paymentId", payment.as_str())]),
            ),
            Self::PaymentException { deal, payment, exception } => (
                C::Payments,
                "Your payment needs attention",
                {
                    let what = match exception {
                        PaymentException::Partial => "Less than the price has arrived",
                        PaymentException::Over => "More than the price has arrived",
                        PaymentException::Late => "Money has arrived after the payment's end",
                        PaymentException::WrongAsset => "Money has arrived in another coin",
                    };
                    format!("{what} for {}. It is kept safe.", quote(&deal.title))
                },
                about(deal, &[("paymentId", payment.as_str()), ("exception", exception.as_str())]),
            ),
            Self::CheckoutPaid { checkout, payment, requests } => (
                C::Payments,
                "Your checkout is paid",
                match requests {
                    1 => "Your order is on its way to its seller.".to_owned(),
                    count => format!("Your {count} orders are on their way to their sellers."),
                },
                data(&[("checkoutId", checkout.as_str()), ("paymentId", payment.as_str())]),
            ),
            Self::CheckoutFailed { checkout, reason } => (
                C::Payments,
                "A checkout came to nothing",
                format!("It failed: {}.", in_words(reason)),
                data(&[("checkoutId", checkout.as_str())]),
            ),
            Self::TemplateOrdered { deal, checkout } => (
                C::Payments,
                "A new order",
                format!("Somebody orders {}.", quote(&deal.title)),
                about(deal, &[("checkoutId", checkout.as_str())]),
            ),
            Self::Shipped { deal, carrier, tracking_number } => (
                C::Delivery,
                "Your order was shipped",
                {
                    let with = carrier.as_ref().map(|c| format!(" with {c}")).unwrap_or_default();
                    let number = tracking_number.as_ref();
                    let number = number.map(|n| format!(", number {n}")).unwrap_or_default();
                    format!("{} is on its way{with}{number}.", quote(&deal.title))
                },
                about(deal, &[]),
            ),
            Self::DeliveryUpdated { deal, status } => (
                C::Delivery,
                "Your delivery moves",
                format!("{}: {}.", quote(&deal.title), status.as_str().replace('_', " ")),
                about(deal, &[("status", status.as_str())]),
            ),
            Self::DeliveryCodeGenerated { deal } => (
                C::Delivery,
                "There is a delivery code",
                format!("{} is handed over against its code.", quote(&deal.title)),
                about(deal, &[]),
            ),
            Self::Delivered { deal, auto_release_at } => (
                C::Delivery,
                "The order was delivered",
                match auto_release_at {
                    Some(at) => format!(
                        "{} was received. Without a dispute it completes at {at}.",
                        quote(&deal.title)
                    ),
                    None => format!("{} was received.", quote(&deal.title)),
                },
                about(deal, &[]),
            ),
            Self::AutoReleaseAhead { deal, at } => (
                C::Delivery,
                "A deal completes by itself soon",
                format!(
                    "The money for {} is released at {at}, unless you open a dispute.",
                    quote(&deal.title)
                ),
                about(deal, &[]),
            ),
            Self::DealCompleted { deal } => (
                C::Requests,
                "The deal is completed",
                format!("{} is completed and its money released.", quote(&deal.title)),
                about(deal, &[]),
            ),
            Self::PayoutStarted { deal, payout, amount } => (
                C::Payouts,
                "Your payout is on its way",
                format!("{} is being sent to your wallet.", money(amount)),
                payout_data(deal.as_ref(), payout),
            ),
            Self::PayoutCompleted { deal, payout, amount } => (
                C::Payouts,
                "Your payout has arrived",
                format!("{} is in your wallet.", money(amount)),
                payout_data(deal.as_ref(), payout),
            ),
            Self::PayoutFailed { deal, payout, amount } => (
                C::Payouts,
                "A payout did not work",
                format!("{} could not be sent. Nothing is lost: it is looked into.", money(amount)),
                payout_data(deal.as_ref(), payout),
            ),
            Self::DisputeOpened { deal, dispute } => (
                C::Disputes,
                "A dispute was opened",
                format!("About {}. Its money is held until it is resolved.", quote(&deal.title)),
                about(deal, &[("disputeId", dispute.as_str())]),
            ),
            Self::DisputeEvidence { deal, dispute } => (
                C::Disputes,
                "New evidence in a dispute",
                format!("About {}.", quote(&deal.title)),
                about(deal, &[("disputeId", dispute.as_str())]),
            ),
            Self::DisputeResolved { deal, dispute, outcome } => (
                C::Disputes,
                "A dispute was resolved",
                match outcome.as_str() {
                    "release" => format!("{}: the money goes to the seller.", quote(&deal.title)),
                    "refund" => format!("{}: the money goes back.", quote(&deal.title)),
                    _ => format!("{}: the money is shared out.", quote(&deal.title)),
                },
                about(deal, &[("disputeId", dispute.as_str()), ("outcome", outcome)]),
            ),
            Self::ChatMessage { chat, message, sender, name, preview } => (
                C::Chat,
                "A new message",
                if preview.trim().is_empty() {
                    format!("{name} sent a file.")
                } else {
                    format!("{name}: {}", quote(preview))
                },
                data(&[
                    ("chatId", chat.as_str()),
                    ("messageId", message.as_str()),
                    ("senderId", sender.as_str()),
                ]),
            ),
            Self::ChatAdded { chat, title } => (
                C::Chat,
                "You are in a new chat",
                match title {
                    Some(title) => format!("You were added to {}.", quote(title)),
                    None => "You were added to a chat.".to_owned(),
                },
                data(&[("chatId", chat.as_str())]),
            ),
            Self::LevelUp { old_level, new_level, perks } => (
                C::Points,
                "You reached a new level",
                if perks.is_empty() {
                    format!("You are {new_level} now.")
                } else {
                    format!("You are {new_level} now: {}.", perks.join(", "))
                },
                data(&[("oldLevel", old_level), ("newLevel", new_level)]),
            ),
            Self::ReferralSignup { user, name } => (
                C::Points,
                "Somebody accepted your invitation",
                format!("{name} has registered."),
                data(&[("referredUserId", user.as_str())]),
            ),
            Self::ReferralReward { user, points } => (
                C::Points,
                "Your invitation paid off",
                format!("You got {points} points for the first deal of somebody you invited."),
                data(&[("referredUserId", user.as_str())]),
            ),
            Self::PointsReversed { request, points } => (
                C::Points,
                "Points were taken back",
                format!("A deal was refunded, and with it {points} points are gone."),
                data(&[("requestId", request.as_str())]),
            ),
            Self::PointsExpired { points } => (
                C::Points,
                "Points have expired",
                format!("{points} points were not used in time."),
                Map::new(),
            ),
            Self::ReviewReceived { deal, review, rating } => (
                C::Reviews,
                "You got a review",
                format!("{rating} of 5 for {}.", quote(&deal.title)),
                about(deal, &[("reviewId", review.as_str())]),
            ),
        };
        Rendered { category, kind: self.into(), title, body, data }
    }
}

fn payout_data(deal: Option<&Deal>, payout: &PayoutId) -> Map<String, Value> {
    let more = [("payoutId", payout.as_str())];
    deal.map_or_else(|| data(&more), |deal| about(deal, &more))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use events::{Currency, example};
    use strum::VariantArray as _;

    use super::*;

    fn one_of_each() -> Vec<Notice> {
        use Notice as N;
        let deal = || Deal { request: example::request(), title: "Two keyboards".to_owned() };
        let (offer, payment) = (example::offer, example::payment);
        let dispute = || DisputeId::parse("dispute").unwrap();
        let amount = || Money::from_minor(18_000, Currency::Usd);
        let payout = example::payout;
        let text = || "words".to_owned();
        vec![
            N::RequestInvitation { deal: deal() },
            N::RequestCancelled { deal: deal(), reason: text() },
            N::OfferReceived { deal: deal(), offer: offer(), price: amount() },
            N::OfferAccepted { deal: deal(), offer: offer() },
            N::OfferRejected { deal: deal(), offer: offer(), reason: None },
            N::OfferWithdrawn { deal: deal(), offer: offer() },
            N::OfferExpired { deal: deal(), offer: offer() },
            N::OfferPaymentTimedOut { deal: deal(), offer: offer() },
            N::PaymentCreated { deal: deal(), payment: payment(), amount: amount() },
            N::PaymentConfirmed { deal: deal(), payment: payment(), amount: amount() },
            N::PaymentReceived { deal: deal(), payment: payment(), amount: amount() },
            N::PaymentFailed { deal: deal(), payment: payment(), reason: text() },
            N::PaymentExpired { deal: deal(), payment: payment() },
            N::PaymentRefunded { deal: deal(), payment: payment(), amount: amount() },
            N::PaymentException {
                deal: deal(),
                payment: payment(),
                exception: PaymentException::Late,
            },
            N::CheckoutPaid { checkout: example::checkout(), payment: payment(), requests: 2 },
            N::CheckoutFailed { checkout: example::checkout(), reason: text() },
            N::TemplateOrdered { deal: deal(), checkout: example::checkout() },
            N::Shipped { deal: deal(), carrier: Some(text()), tracking_number: None },
            N::DeliveryUpdated { deal: deal(), status: DeliveryStatus::InTransit },
            N::DeliveryCodeGenerated { deal: deal() },
            N::Delivered { deal: deal(), auto_release_at: Some(example::time()) },
            N::AutoReleaseAhead { deal: deal(), at: example::time() },
            N::DealCompleted { deal: deal() },
            N::PayoutStarted { deal: Some(deal()), payout: payout(), amount: amount() },
            N::PayoutCompleted { deal: None, payout: payout(), amount: amount() },
            N::PayoutFailed { deal: None, payout: payout(), amount: amount() },
            N::DisputeOpened { deal: deal(), dispute: dispute() },
            N::DisputeEvidence { deal: deal(), dispute: dispute() },
            N::DisputeResolved { deal: deal(), dispute: dispute(), outcome: "split".to_owned() },
            N::ChatMessage {
                chat: example::chat(),
                message: example::message(),
                sender: example::user(),
                name: text(),
                preview: "x".repeat(500),
            },
            N::ChatAdded { chat: example::chat(), title: None },
            N::LevelUp { old_level: text(), new_level: text(), perks: vec![] },
            N::ReferralSignup { user: example::user(), name: text() },
            N::ReferralReward { user: example::user(), points: 50 },
            N::PointsReversed { request: example::request(), points: 5 },
            N::PointsExpired { points: 5 },
            N::ReviewReceived {
                deal: deal(),
                review: ReviewId::parse("review").unwrap(),
                rating: 5,
            },
        ]
    }

    #[test]
    fn each_kind_says_something_short_and_plain() {
        let all = one_of_each();
        let kinds: BTreeSet<String> =
            all.iter().map(|notice| Kind::from(notice).as_ref().to_owned()).collect();
        let expected = Kind::VARIANTS.iter().map(|kind| kind.as_ref().to_owned()).collect();
        assert_eq!(kinds, expected, "an example of each kind");
        for notice in all {
            let read = notice.render();
            let kind = read.kind.as_ref();
            assert!((5..60).contains(&read.title.len()), "{kind}: {}", read.title);
            assert!((5..200).contains(&read.body.chars().count()), "{kind}: {}", read.body);
            assert!(!read.body.contains('_'), "{kind}: {}", read.body);
            for (name, value) in &read.data {
                let named = name.ends_with("Id") || !name.contains('_');
                assert!(named && value.is_string(), "{kind}: {name} {value}");
            }
        }
    }

    #[test]
    fn the_programs_own_reasons_are_told_in_words() {
        let notice = Notice::OfferRejected {
            deal: Deal { request: example::request(), title: "A".to_owned() },
            offer: example::offer(),
            reason: Some("another_offer_won".to_owned()),
        };
        assert_eq!(notice.render().body, "“A”: the buyer chose another offer.");
    }
}
