// Made from the server's documents by `cargo xtask gen`; changes here are lost.
import type * as S from "./schemas.js";

/** What the server sends: the payload of each event. */
export interface ServerEvents {
  /**
   * Tells the seller that the buyer has the goods.
   * The right code is entered; the request is `delivered`. Goes to `user-<sellerId>`.
   */
  "buyer-confirmed-delivery": S.BuyerConfirmedDelivery;
  /**
   * There is a delivery code. In `strict` access only its holder gets `deliveryCode`.
   * The seller generates a code. Goes to `request-<requestId>`.
   */
  "delivery-code-generated": S.DeliveryCodeGenerated;
  /**
   * The goods were handed over against the code.
   * The right code is entered; the request is `delivered`. Goes to `request-<requestId>`.
   */
  "delivery-confirmed": S.DeliveryConfirmed;
  /**
   * What the seller says about the shipment.
   * The seller ships, or updates the shipment. Goes to `request-<requestId>`.
   */
  "delivery-update": S.DeliveryUpdate;
  /**
   * The user reached a higher level.
   * Lifetime points pass a level's threshold. Goes to `user-<userId>`.
   */
  "level-up": S.LevelUp;
  /**
   * A message is gone; a tombstone remains.
   * Its author deletes a message. Goes to `chat-<chatId>`.
   */
  "message-deleted": S.MessageDeleted;
  /**
   * A message has another text.
   * Its author edits a message. Goes to `chat-<chatId>`.
   */
  "message-edited": S.MessageEdited;
  /**
   * A participant has read up to a message.
   * Messages become read. Goes to `chat-<chatId>`.
   */
  "messages-read": S.MessagesRead;
  /**
   * A new message in the chat.
   * A message is sent. Goes to `chat-<chatId>`.
   */
  "new-message": S.NewMessage;
  /**
   * A notification.
   * A notification is stored. Goes to `user-<userId>`.
   */
  "new-notification": S.NewNotification;
  /**
   * A seller answers the buyer's request.
   * A seller makes an offer. Goes to `buyer-<buyerId>`.
   */
  "new-offer": S.NewOffer;
  /**
   * A purchase request that sellers may answer. A private one, with `preferredSellerIds`, goes to those sellers only.
   * A request is published. Goes to `sellers`, `seller-<sellerId>`.
   */
  "new-purchase-request": S.PurchaseRequest;
  /**
   * The chat has one participant less.
   * A user leaves a chat or is removed from it. Goes to `chat-<chatId>`.
   */
  "participant-removed": S.ParticipantRemoved;
  /**
   * The chat has more participants.
   * Users are added to a chat. Goes to `chat-<chatId>`.
   */
  "participants-added": S.ParticipantsAdded;
  /**
   * A payment was begun.
   * A payment intent is made. Goes to `user-<buyerId>`, `user-<sellerId>`, `request-<requestId>`, `admins` (strict) or `*`, `request-<requestId>` (open).
   */
  "payment-created": S.PaymentCreated;
  /**
   * Tells the seller that the money is there.
   * Money is confirmed into escrow. Goes to `user-<sellerId>`.
   */
  "payment-received": S.PaymentReceived;
  /**
   * A payment changed.
   * Any change of a payment's `status` or `escrowState`. Goes to `user-<buyerId>`, `user-<sellerId>`, `request-<requestId>`, `admins` (strict) or `*`, `request-<requestId>`, `user-<buyerId>`, `user-<sellerId>` (open).
   */
  "payment-update": S.PaymentUpdate;
  /**
   * The seller has the money.
   * A payout's transaction is final. Goes to `user-<sellerId>`, `admins` (strict) or `*`, `user-<sellerId>` (open).
   */
  "payout-completed": S.PayoutCompleted;
  /**
   * A payout is on its way to the seller.
   * A payout is submitted. Goes to `user-<sellerId>`, `admins` (strict) or `*`, `user-<sellerId>` (open).
   */
  "payout-created": S.PayoutCreated;
  /**
   * A payout changed.
   * Any change of a payout's status. Goes to `user-<sellerId>`, `admins` (strict) or `*`, `user-<sellerId>` (open).
   */
  "payout-updated": S.PayoutUpdated;
  /**
   * Something about a request changed; `type` says what.
   * Any change of the request, its offers, its payment or its dispute. Goes to `request-<requestId>`.
   */
  "purchase-request-update": S.PurchaseRequestUpdate;
  /**
   * The referrer got points for an invited user.
   * The invited user's first deal completes. Goes to `user-<referrerId>`.
   */
  "referral-reward": S.ReferralReward;
  /**
   * An invited user registered.
   * A user registers with a referral code. Goes to `user-<referrerId>`.
   */
  "referral-signup": S.ReferralSignup;
  /**
   * The request is called off.
   * The request is cancelled: to the buyer and to each seller with a live offer. Goes to `user-<buyerId>`, `user-<sellerId>`.
   */
  "request-cancelled": S.RequestCancelled;
  /**
   * A client's event was refused.
   * An event without an ack is refused, to the socket that sent it. Goes to this socket.
   */
  "room-error": S.RoomError;
  /**
   * What became of a seller's offer. `payment-completed` is told to the buyer and to administrators as well.
   * The offer is accepted or rejected (`reason` says why: also when another one wins, or the request is cancelled), and when its payment is confirmed. Goes to `user-<buyerId>`, `user-<sellerId>`, `seller-<sellerId>`, `admins` (strict) or `*`, `seller-<sellerId>` (open).
   */
  "seller-offer-update": S.SellerOfferUpdate;
  /**
   * Greets the socket, and carries the first offset from which it can recover.
   * Right after CONNECT, to that socket. Goes to this socket.
   */
  "session": S.Session;
  /**
   * The checkout is paid; its requests are being processed.
   * The checkout's payment is funded. Goes to `user-<buyerId>`, `user-<sellerId>`, `template-checkout-<checkoutId>`, `admins` (strict) or `*`, `template-checkout-<checkoutId>` (open).
   */
  "template-checkout-payment-confirmed": S.TemplateCheckoutPaymentConfirmed;
  /**
   * The checkout came to nothing; its requests are cancelled.
   * The checkout's payment fails or expires. Goes to `user-<buyerId>`, `user-<sellerId>`, `template-checkout-<checkoutId>`, `admins` (strict) or `*`, `template-checkout-<checkoutId>` (open).
   */
  "template-checkout-payment-failed": S.TemplateCheckoutPaymentFailed;
  /**
   * The checkout waits for its payment.
   * A template checkout starts. Goes to `user-<buyerId>`, `user-<sellerId>`, `template-checkout-<checkoutId>`, `admins` (strict) or `*`, `template-checkout-<checkoutId>` (open).
   */
  "template-checkout-payment-pending": S.TemplateCheckoutPaymentPending;
  /**
   * The deal is done.
   * The deal is completed and its escrow released. Goes to `user-<buyerId>`, `user-<sellerId>`.
   */
  "transaction-completed": S.TransactionCompleted;
  /**
   * How many notifications are unread.
   * The number of the user's unread notifications changes. Goes to `user-<userId>`.
   */
  "unread-count-update": S.UnreadCountUpdate;
  /**
   * A user came online or went offline.
   * Online with the user's first socket, offline when the last one has been gone for the grace. Goes to `*`.
   */
  "user-status-change": S.UserStatusChange;
  /**
   * Somebody in the chat is writing, or stopped. It does not go back to the sender.
   * A client sends `typing-start` or `typing-stop`. Goes to `chat-<chatId>`.
   */
  "user-typing": S.UserTyping;
}

/** What clients send: the argument of each event. All answer with an `Ack`. */
export interface ClientEvents {
  /** Presents a fresh access token, so that the socket outlives the old one. */
  "authenticate": string;
  /** Joins the buyer's own room and that of all buyers. */
  "join-buyer-room": S.UserId;
  /** Joins a chat. */
  "join-chat-room": S.ChatId;
  /** Joins the room of a purchase request. */
  "join-request-room": S.RequestId;
  /** Joins the seller's own room and that of all sellers. */
  "join-seller-room": S.UserId;
  /** Joins the room of a template checkout. */
  "join-template-checkout-room": S.CheckoutId;
  /** Joins the user's own room. */
  "join-user-room": S.UserId;
  /** Leaves the buyer's own room and that of all buyers. */
  "leave-buyer-room": S.UserId;
  /** Leaves a chat. */
  "leave-chat-room": S.ChatId;
  /** Leaves the room of a purchase request. */
  "leave-request-room": S.RequestId;
  /** Leaves the seller's own room and that of all sellers. */
  "leave-seller-room": S.UserId;
  /** Leaves the room of a template checkout. */
  "leave-template-checkout-room": S.CheckoutId;
  /** Leaves the user's own room. */
  "leave-user-room": S.UserId;
  /** Tells the chat that the user is writing. */
  "typing-start": S.Typing;
  /** Tells the chat that the user stopped writing. */
  "typing-stop": S.Typing;
  /** Joins the user's own room and makes the user online. */
  "user-online": S.UserId;
}

/** The events that join rooms, with the event that leaves them. */
export const JOINS = {
  "join-buyer-room": "leave-buyer-room",
  "join-chat-room": "leave-chat-room",
  "join-request-room": "leave-request-room",
  "join-seller-room": "leave-seller-room",
  "join-template-checkout-room": "leave-template-checkout-room",
  "join-user-room": "leave-user-room",
  "user-online": null,
} as const;
