//! The words that documents and events use for states and kinds.

use crate::text_enum::text_enum;

text_enum! { "snake_case",
    /// What a user is.
    pub enum Role {
        /// Posts requests and pays.
        Buyer,
        /// Offers and delivers.
        Seller,
        /// Runs the marketplace.
        Admin,
    }
}

text_enum! { "snake_case",
    /// What is bought.
    pub enum ProductType {
        /// A thing that is shipped.
        Physical,
        /// Something that is sent as data.
        Digital,
        /// Work.
        Service,
    }
}

text_enum! { "snake_case",
    /// How soon it is wanted.
    pub enum Urgency {
        /// Some time.
        Low,
        /// As usual.
        Medium,
        /// Soon.
        High,
        /// At once.
        Urgent,
    }
}

text_enum! { "snake_case",
    /// The state of a purchase request (contract §3.1).
    pub enum RequestStatus {
        /// Made by a template checkout that is not paid yet.
        PendingPayment,
        /// Published, without a live offer.
        Active,
        /// Published, with live offers.
        ReceivedOffers,
        /// An offer is accepted and is to be paid.
        Payment,
        /// Paid into escrow; the seller prepares it.
        Processing,
        /// On its way.
        Delivery,
        /// Received against the code.
        Delivered,
        /// Confirmed; the escrow is released.
        Completed,
        /// Called off.
        Cancelled,
    }
}

text_enum! { "snake_case",
    /// The state of an offer (contract §3.2).
    pub enum OfferStatus {
        /// Waits for the buyer; a live offer.
        Pending,
        /// The one that the buyer chose.
        Accepted,
        /// Turned down, or another one was chosen, or the request was cancelled.
        Rejected,
        /// Taken back by the seller.
        Withdrawn,
        /// Past its `validUntil`.
        Expired,
    }
}

text_enum! { "snake_case",
    /// The unit of a delivery time.
    pub enum DeliveryUnit {
        /// Hours.
        Hours,
        /// Days.
        Days,
        /// Weeks.
        Weeks,
        /// Months.
        Months,
    }
}

text_enum! { "snake_case",
    /// What the seller says about the shipment (contract §3.4). It does not move the deal: that
    /// the goods were received is known by the code alone.
    pub enum DeliveryStatus {
        /// Being packed.
        Preparing,
        /// Handed over to the carrier.
        Shipped,
        /// Under way.
        InTransit,
        /// On the last leg.
        OutForDelivery,
        /// At its destination, by the carrier's word.
        Delivered,
    }
}

text_enum! { "snake_case",
    /// The rail that a payment takes.
    pub enum PaymentProvider {
        /// The SHKeeper gateway.
        Shkeeper,
        /// From the buyer's own wallet, verified on the chain.
        Decentralized,
        /// Play money, for development.
        Sandbox,
    }
}

text_enum! { "snake_case",
    /// The state of a payment (contract §4.2).
    pub enum PaymentStatus {
        /// Nothing was seen yet.
        Pending,
        /// Money was seen and is not final.
        Processing,
        /// The money is in escrow.
        Confirmed,
        /// The deal is done.
        Completed,
        /// It did not work.
        Failed,
        /// Called off before it was paid.
        Cancelled,
        /// Not paid in time.
        Expired,
        /// Given back.
        Refunded,
    }
}

text_enum! { "snake_case",
    /// Where a payment's money is (contract §4.2).
    pub enum EscrowState {
        /// There is none.
        None,
        /// A part has arrived.
        Partial,
        /// All of it is held.
        Funded,
        /// Held until a dispute is resolved.
        Disputed,
        /// May go to the seller.
        Releasable,
        /// On its way to the seller.
        Releasing,
        /// With the seller.
        Released,
        /// On its way back to the buyer.
        Refunding,
        /// Back with the buyer.
        Refunded,
        /// Its movement failed.
        Failed,
    }
}

text_enum! { "snake_case",
    /// What is odd about the money of a payment (contract §4.2).
    pub enum PaymentException {
        /// Less than asked for.
        Partial,
        /// More than asked for.
        Over,
        /// After the payment's end.
        Late,
        /// In another coin.
        WrongAsset,
    }
}

text_enum! { "snake_case",
    /// The state of a payout (contract §4.4).
    pub enum PayoutStatus {
        /// To be sent.
        Queued,
        /// Being handed to the gateway.
        Submitting,
        /// The gateway has it, as a task.
        Submitted,
        /// A transaction is on the chain.
        Broadcast,
        /// Final.
        Completed,
        /// It did not happen.
        Failed,
        /// Nobody knows yet; reconciled before anything else.
        Unknown,
    }
}

text_enum! { "snake_case",
    /// Whether a user has a live socket (contract §1.5).
    pub enum OnlineStatus {
        /// At least one.
        Online,
        /// None for longer than the grace.
        Offline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_everywhere() {
        for status in RequestStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(status.to_string(), status.as_str());
        }
        assert_eq!(RequestStatus::PendingPayment.as_str(), "pending_payment");
        assert_eq!(PaymentException::WrongAsset.as_str(), "wrong_asset");
        assert!("Active".parse::<RequestStatus>().is_err());
    }
}
