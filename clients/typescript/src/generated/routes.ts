// Made from the server's documents by `cargo xtask gen`; changes here are lost.
import type * as S from "./schemas.js";

/** One page of a list. */
export interface Page<T> {
  data: T[];
  pagination: S.Pagination;
}

/** Every route: what it takes and what its answer's `data` is. */
export interface Routes {
  /** Changes the caller's own password and ends all other sign-ins. */
  "POST /api/auth/change-password": {
    body: S.PasswordChange;
    result: S.Empty;
  };
  /**
   * Mails a link that sets a new password, where the address has an account.
   * The answer does not tell.
   */
  "POST /api/auth/forgot-password": {
    body: S.ForgottenPassword;
    result: S.Empty;
  };
  /** Signs in. */
  "POST /api/auth/login": {
    body: S.Credentials;
    result: S.SignedIn;
  };
  /**
   * Ends the sign-in and takes its cookies away.
   * An access token that has expired will not do, but a refresh token beside it will.
   */
  "POST /api/auth/logout": {
    body?: S.RefreshInput;
    result: S.Empty;
  };
  /** The caller's own account. */
  "GET /api/auth/me": {
    result: S.Account;
  };
  /**
   * Changes the caller's own account.
   * Absent fields stay, `null` removes.
   */
  "PATCH /api/auth/me": {
    body: S.AccountChange;
    result: S.Account;
  };
  /**
   * Exchanges a refresh token, of the body or of the cookie, for new tokens.
   * It works once; used again it ends the whole sign-in.
   */
  "POST /api/auth/refresh-token": {
    body?: S.RefreshInput;
    result: S.SignedIn;
  };
  /**
   * Makes an account and signs it in.
   * A mail asks to verify the address.
   */
  "POST /api/auth/register": {
    body: S.Registration;
    result: S.SignedIn;
  };
  /** Sets a new password by the token of a mailed link, and ends all sign-ins. */
  "POST /api/auth/reset-password": {
    body: S.PasswordReset;
    result: S.Empty;
  };
  /** Shows by the token of a mailed link that the address is the user's. */
  "POST /api/auth/verify-email": {
    body: S.EmailVerification;
    result: S.Empty;
  };
  /**
   * Lists the chats that the caller takes part in, those with the newest messages first.
   * Administrators have every chat with the support among theirs.
   */
  "GET /api/chat": {
    query?: { page?: number; limit?: number };
    result: Page<S.Chat>;
  };
  /**
   * Begins a direct chat or a group.
   * There is one direct chat for each pair of users: where it is there, it is the answer.
   */
  "POST /api/chat": {
    body: S.CreateChat;
    idempotent: true;
    result: S.Chat;
  };
  /**
   * Begins the chat of a purchase request's buyer with a seller.
   * For the buyer, with a seller who may know of the request, and for that seller. There is one for each request and seller: where it is there, it is the answer.
   */
  "POST /api/chat/purchase-request": {
    body: S.CreateRequestChat;
    idempotent: true;
    result: S.Chat;
  };
  /**
   * Begins the caller's chat with the support.
   * For buyers and sellers. There is one for each of them: where it is there, it is the answer.
   */
  "POST /api/chat/support": {
    idempotent: true;
    result: S.Chat;
  };
  /**
   * One chat.
   * For those who take part in it, and administrators.
   */
  "GET /api/chat/{id}": {
    path: { id: S.ChatId };
    result: S.Chat;
  };
  /**
   * Messages of a chat, in the order in which they were sent.
   * Without parameters the newest page. With `before` the page before that message or time, with `after` the page after it; with both, what is between, from its end. With `q` the messages that hold the text.
   */
  "GET /api/chat/{id}/messages": {
    path: { id: S.ChatId };
    query?: { before?: string; after?: string; limit?: number; q?: string };
    result: Omit<S.MessagePage, "success">;
  };
  /**
   * Sends a message (`new-message`).
   * A message that is sent again under the same `clientMessageId` is not sent twice: the answer is the one that there is.
   */
  "POST /api/chat/{id}/messages": {
    path: { id: S.ChatId };
    body: S.SendMessage;
    idempotent: true;
    result: S.ChatMessage;
  };
  /**
   * Gives a message another text (`message-edited`).
   * For its sender.
   */
  "PATCH /api/chat/{id}/messages/{messageId}": {
    path: { id: S.ChatId; messageId: S.MessageId };
    body: S.EditMessage;
    result: S.ChatMessage;
  };
  /**
   * Deletes a message (`message-deleted`); a tombstone remains.
   * For its sender.
   */
  "DELETE /api/chat/{id}/messages/{messageId}": {
    path: { id: S.ChatId; messageId: S.MessageId };
    result: S.ChatMessage;
  };
  /**
   * Adds users to a group (`participants-added`).
   * For its owner and administrators.
   */
  "POST /api/chat/{id}/participants": {
    path: { id: S.ChatId };
    body: S.AddParticipants;
    result: S.Chat;
  };
  /**
   * Takes a participant out of a group (`participant-removed`).
   * For the participant, who leaves, the group's owner, and administrators. Whoever is out may no longer read the chat; an owner who leaves is followed by who has taken part for longest.
   */
  "DELETE /api/chat/{id}/participants/{userId}": {
    path: { id: S.ChatId; userId: S.UserId };
    result: S.Empty;
  };
  /**
   * Marks the messages up to one as read (`messages-read`).
   * Only messages of others count. What was read stays read: an older message changes nothing.
   */
  "POST /api/chat/{id}/read": {
    path: { id: S.ChatId };
    body: S.MarkRead;
    result: S.ReadReceipt;
  };
  /**
   * Events and ledger entries of a deal on one line of time.
   * For administrators.
   */
  "GET /api/console/deals/{id}/timeline": {
    path: { id: S.RequestId };
    result: S.Timeline;
  };
  /** What anybody may know of this program. */
  "GET /api/console/info": {
    result: S.ConsoleInfo;
  };
  /**
   * The journal as it runs.
   * For administrators.
   */
  "GET /api/console/journal": {
    query?: { after?: number; limit?: number };
    result: S.JournalPage;
  };
  /**
   * The sockets of all nodes, of each the oldest 1,000.
   * Other nodes are waited for less than a second; `nodes` says which of them answered. For administrators.
   */
  "GET /api/console/sockets": {
    result: S.LiveSockets;
  };
  /**
   * The figures of this node.
   * For administrators.
   */
  "GET /api/console/stats": {
    result: S.NodeStats;
  };
  /** Lists the disputes about the caller's deals, newest first; all for administrators. */
  "GET /api/disputes": {
    query?: { page?: number; limit?: number; status?: string; purchaseRequestId?: S.RequestId };
    result: Page<S.Dispute>;
  };
  /**
   * Opens a dispute about a paid deal.
   * For its buyer and its seller.
   * While it is open the escrow is held, and the deal is neither confirmed nor released by time.
   */
  "POST /api/disputes": {
    body: S.OpenDispute;
    idempotent: true;
    result: S.Dispute;
  };
  /** Shows a dispute with its evidence, to the parties of its deal and administrators. */
  "GET /api/disputes/{id}": {
    path: { id: S.DisputeId };
    result: S.Dispute;
  };
  /**
   * Adds evidence to an open dispute.
   * For the parties of its deal and administrators.
   */
  "POST /api/disputes/{id}/evidence": {
    path: { id: S.DisputeId };
    body: S.AddEvidence;
    idempotent: true;
    result: S.Dispute;
  };
  /**
   * Decides an open dispute, which ends its deal.
   * For administrators.
   * `release` gives the price to the seller and completes the request, `refund` gives it back to the buyer and cancels the request, `split` gives `amount` to the seller and the rest back and completes the request.
   */
  "POST /api/disputes/{id}/resolve": {
    path: { id: S.DisputeId };
    body: S.ResolveDispute;
    idempotent: true;
    result: S.Dispute;
  };
  /** The caller's own events: those of the rooms that the caller may be in. */
  "GET /api/events": {
    query?: { after?: string; limit?: number };
    result: S.EventPage;
  };
  /** All events, in both directions: names, payloads, rooms. */
  "GET /api/events/catalog": {
    result: S.EventCatalog;
  };
  /**
   * Uploads a file: a PNG, JPEG, GIF or WebP image, a PDF, or plain text.
   * What it is is decided by its bytes. The caller may use it then, as an attachment of a message or as a picture; a file that nothing uses is removed after a day.
   */
  "POST /api/files": {
    body: FormData;
    result: S.File;
  };
  /**
   * The bytes of a file.
   * For who uploaded it and for those who may see what uses it: who takes part in the chat, the parties of a dispute. Users' pictures are for everyone.
   */
  "GET /api/files/{id}": {
    path: { id: S.FileId };
    result: Blob;
  };
  /**
   * Lists the accounts of the ledger and what they hold.
   * For administrators.
   */
  "GET /api/ledger/accounts": {
    query?: { page?: number; limit?: number; kind?: S.AccountKind; owner?: string; currency?: S.Currency };
    result: Page<S.LedgerAccount>;
  };
  /**
   * Lists the entries of the ledger, newest first.
   * For administrators.
   */
  "GET /api/ledger/entries": {
    query?: { page?: number; limit?: number; account?: string; kind?: S.Kind; reference?: string };
    result: Page<S.LedgerEntry>;
  };
  /**
   * Compares the ledger with payments and payouts and names what differs.
   * For administrators.
   */
  "GET /api/ledger/reconciliation": {
    result: S.Reconciliation;
  };
  /**
   * The tree of categories.
   * Needs no sign-in.
   */
  "GET /api/marketplace/categories": {
    result: S.Category[];
  };
  /**
   * Lists the caller's own offers, newest first.
   * For sellers.
   */
  "GET /api/marketplace/offers/mine": {
    query?: { page?: number; limit?: number; status?: string };
    result: Page<S.Offer>;
  };
  /**
   * Changes a pending offer.
   * For its seller, while the request is open and before its `offersUntil`. Absent fields stay as they are, `null` clears `validUntil`.
   */
  "PATCH /api/marketplace/offers/{id}": {
    path: { id: S.OfferId };
    body: S.UpdateOffer;
    result: S.Offer;
  };
  /**
   * Accepts an offer.
   * For the request's buyer. All other pending offers are rejected at the same instant, and the time for the payment begins. Takes no body.
   */
  "POST /api/marketplace/offers/{id}/accept": {
    path: { id: S.OfferId };
    idempotent: true;
    result: S.Offer;
  };
  /**
   * Turns a pending offer down.
   * For the request's buyer; the body may be left out.
   */
  "POST /api/marketplace/offers/{id}/reject": {
    path: { id: S.OfferId };
    body?: S.RejectOffer;
    result: S.Offer;
  };
  /**
   * Takes a pending offer back.
   * For its seller. Takes no body.
   */
  "POST /api/marketplace/offers/{id}/withdraw": {
    path: { id: S.OfferId };
    result: S.Offer;
  };
  /**
   * Lists purchase requests.
   * A buyer sees their own, a seller the open ones that they may answer and those that they have an offer on, an administrator all.
   */
  "GET /api/marketplace/purchase-requests": {
    query?: { page?: number; limit?: number; sort?: "createdAt" | "-createdAt" | "offersUntil" | "-offersUntil" | "budget" | "-budget"; mine?: boolean; status?: string; categoryId?: S.CategoryId; q?: string };
    result: Page<S.PurchaseRequest>;
  };
  /**
   * Publishes a purchase request.
   * For buyers. Sellers hear of it at once (`new-purchase-request`): all of them, or those of `preferredSellerIds` alone.
   */
  "POST /api/marketplace/purchase-requests": {
    body: S.CreateRequest;
    idempotent: true;
    result: S.PurchaseRequest;
  };
  /**
   * One purchase request.
   * `deliveryInfo` is for the buyer, administrators and the chosen seller; `offersCount` is for the buyer and administrators.
   */
  "GET /api/marketplace/purchase-requests/{id}": {
    path: { id: S.RequestId };
    result: S.PurchaseRequest;
  };
  /**
   * Changes an open purchase request.
   * For its buyer. Absent fields stay as they are, `null` clears what is optional.
   */
  "PATCH /api/marketplace/purchase-requests/{id}": {
    path: { id: S.RequestId };
    body: S.UpdateRequest;
    result: S.PurchaseRequest;
  };
  /**
   * Calls a purchase request off.
   * For its buyer and administrators, until it is paid; its live offers are rejected. A paid deal ends otherwise only through a dispute.
   */
  "POST /api/marketplace/purchase-requests/{id}/cancel": {
    path: { id: S.RequestId };
    body: S.CancelRequest;
    result: S.PurchaseRequest;
  };
  /**
   * Confirms that the goods are as they should be: completes the deal and releases its escrow.
   * For the deal's buyer, once it is `delivered`. Takes no body.
   */
  "POST /api/marketplace/purchase-requests/{id}/confirm-delivery": {
    path: { id: S.RequestId };
    idempotent: true;
    result: S.PurchaseRequest;
  };
  /**
   * The delivery of a deal: what the seller said last, and whether there is a code.
   * For its buyer, the chosen seller and administrators.
   */
  "GET /api/marketplace/purchase-requests/{id}/delivery": {
    path: { id: S.RequestId };
    result: S.Delivery;
  };
  /**
   * Says where the shipment is.
   * For the chosen seller, once the deal is paid. The first word of a parcel on its way moves the request from `processing` to `delivery`. Fields that are left out stay as they were.
   */
  "PUT /api/marketplace/purchase-requests/{id}/delivery": {
    path: { id: S.RequestId };
    body: S.UpdateDelivery;
    result: S.Delivery;
  };
  /**
   * Makes a delivery code; an earlier one is worth nothing any more.
   * Takes no body.
   * For the chosen seller, while the request is in `delivery`. Where the buyer holds the codes (`DELIVERY_CODE_HOLDER=buyer`) the seller can make the first one only, and the buyer any. The answer holds the code for its holder alone, and is never stored: who lost the code makes another one.
   */
  "POST /api/marketplace/purchase-requests/{id}/delivery-code/generate": {
    path: { id: S.RequestId };
    result: S.DeliveryCode;
  };
  /**
   * Enters the delivery code, which makes the request `delivered`.
   * For the party that does not hold the codes. After five wrong ones a new code is needed.
   */
  "POST /api/marketplace/purchase-requests/{id}/delivery-code/verify": {
    path: { id: S.RequestId };
    body: S.EnterCode;
    result: S.PurchaseRequest;
  };
  /**
   * Lists the offers on a purchase request, newest first.
   * All of them for its buyer and administrators, their own for sellers.
   */
  "GET /api/marketplace/purchase-requests/{id}/offers": {
    path: { id: S.RequestId };
    query?: { page?: number; limit?: number; status?: string };
    result: Page<S.Offer>;
  };
  /**
   * Makes an offer on a purchase request.
   * For sellers who may see the request, while it is open and before its `offersUntil`. A seller has one live offer on a request.
   */
  "POST /api/marketplace/purchase-requests/{id}/offers": {
    path: { id: S.RequestId };
    body: S.CreateOffer;
    idempotent: true;
    result: S.Offer;
  };
  /**
   * Writes a review about the other party of a completed deal.
   * For its buyer and its seller, once each.
   */
  "POST /api/marketplace/purchase-requests/{id}/review": {
    path: { id: S.RequestId };
    body: S.CreateReview;
    idempotent: true;
    result: S.Review;
  };
  /** Lists the caller's templates, newest first; all for administrators. */
  "GET /api/marketplace/request-templates": {
    query?: { page?: number; limit?: number };
    result: Page<S.RequestTemplate>;
  };
  /**
   * Publishes a template.
   * For sellers.
   */
  "POST /api/marketplace/request-templates": {
    body: S.CreateTemplate;
    idempotent: true;
    result: S.RequestTemplate;
  };
  /** Shows the template of a share link, to whoever has the link. */
  "GET /api/marketplace/request-templates/by-link/{link}": {
    path: { link: string };
    result: S.RequestTemplate;
  };
  /**
   * Shows one template.
   * Whole to its seller and administrators; to buyers what its share link shows.
   */
  "GET /api/marketplace/request-templates/{id}": {
    path: { id: S.TemplateId };
    result: S.RequestTemplate;
  };
  /**
   * Changes a template.
   * For its seller.
   * Absent fields stay as they are, `null` clears what is optional. Deals that were made of it stay as they are.
   */
  "PATCH /api/marketplace/request-templates/{id}": {
    path: { id: S.TemplateId };
    body: S.UpdateTemplate;
    result: S.RequestTemplate;
  };
  /**
   * Takes a template off sale, for ever.
   * For its seller and administrators. Deals that were made of it go on.
   */
  "DELETE /api/marketplace/request-templates/{id}": {
    path: { id: S.TemplateId };
    result: S.Empty;
  };
  /** The sellers. */
  "GET /api/marketplace/sellers": {
    query?: { page?: number; limit?: number; sort?: "name" | "-name" | "createdAt" | "-createdAt"; q?: string };
    result: Page<S.PublicUser>;
  };
  /** One seller. */
  "GET /api/marketplace/sellers/{id}": {
    path: { id: S.UserId };
    result: S.PublicUser;
  };
  /**
   * Lists the reviews about a seller, newest first.
   * For everyone.
   */
  "GET /api/marketplace/sellers/{id}/reviews": {
    path: { id: S.UserId };
    query?: { page?: number; limit?: number };
    result: Page<S.Review>;
  };
  /**
   * Takes one or more templates: makes a request for each of their sellers, to be paid at once.
   * For buyers. Uses are taken now, and given back where the checkout fails or is not paid in time.
   */
  "POST /api/marketplace/template-checkout": {
    body: S.CreateCheckout;
    idempotent: true;
    result: S.Checkout;
  };
  /** Shows a checkout: whole to its buyer and administrators, the own part of it to its sellers. */
  "GET /api/marketplace/template-checkout/{id}": {
    path: { id: S.CheckoutId };
    result: S.Checkout;
  };
  /** Lists the caller's notifications, newest first. */
  "GET /api/notifications": {
    query?: { page?: number; limit?: number; unreadOnly?: boolean };
    result: Page<S.Notification>;
  };
  /** Marks all of the caller's notifications as read. */
  "PATCH /api/notifications/mark-all-read": {
    result: S.AllRead;
  };
  /** Says what the caller wants to hear of, and how. */
  "GET /api/notifications/preferences": {
    result: S.Preferences;
  };
  /**
   * Replaces what the caller wants to hear of.
   * What is left out takes its default.
   */
  "PUT /api/notifications/preferences": {
    body: S.Preferences;
    result: S.Preferences;
  };
  /** Says how many notifications the caller has not read. */
  "GET /api/notifications/unread-count": {
    result: S.UnreadCount;
  };
  /** Deletes a notification. */
  "DELETE /api/notifications/{id}": {
    path: { id: S.NotificationId };
    result: S.Empty;
  };
  /**
   * Marks a notification as read.
   * Again is no change.
   */
  "PATCH /api/notifications/{id}/read": {
    path: { id: S.NotificationId };
    result: S.Notification;
  };
  /** Lists the payments that the caller pays or gets, newest first; all for administrators. */
  "GET /api/payment": {
    query?: { page?: number; limit?: number; status?: string };
    result: Page<S.Payment>;
  };
  /**
   * Names the transaction that pays.
   * A transaction that is not the payment is refused, with a code that says why. One that is in no block yet, or not deep enough, or that the chain cannot be asked about now, is taken and looked at until that is known: `payment-update` tells of it. Too little may be topped up by another transaction. Repeating a confirmation tells where its transaction stands.
   */
  "POST /api/payment/decentralized/confirm": {
    body: S.ConfirmPayment;
    idempotent: true;
    result: S.WalletConfirmation;
  };
  /**
   * Begins a payment from the buyer's wallet, or finds the one that is under way.
   * Chain, token, payee, amount and wallet are fixed here. Before a transaction can be confirmed the wallet has to sign `message`. Token and wallet can be changed by another call while no transaction was confirmed.
   */
  "POST /api/payment/decentralized/intents": {
    body: S.CreateWalletIntent;
    idempotent: true;
    result: S.WalletIntent;
  };
  /**
   * Tells how a payment is made from the wallet, and how far it is.
   * For its buyer and administrators.
   */
  "GET /api/payment/decentralized/intents/{id}": {
    path: { id: S.PaymentId };
    result: S.WalletIntent;
  };
  /**
   * Records that a seller was paid from the platform's wallet.
   * For administrators. The transaction has to be in a block, and is verified on the chain: from `EVM_PAYEE` to the seller's payout wallet, in the token that the buyer paid with, and no less than the payout. The payout is completed when the transaction is deep enough.
   */
  "POST /api/payment/decentralized/payout": {
    body: S.RecordPayout;
    idempotent: true;
    result: S.RecordedPayout;
  };
  /** Lists the tokens that deals can be paid with from a wallet. */
  "GET /api/payment/decentralized/tokens": {
    result: S.WalletTokens;
  };
  /**
   * Shows that the wallet is the buyer's, by its signature under the intent's `message`.
   * The signature may also come with the confirmation.
   */
  "POST /api/payment/decentralized/wallet": {
    body: S.ProveWallet;
    result: S.WalletIntent;
  };
  /** Lists payouts, newest first: their own for sellers, all for administrators. */
  "GET /api/payment/payouts": {
    query?: { page?: number; limit?: number; status?: string };
    result: Page<S.Payout>;
  };
  /** Shows one payout, to its seller and administrators. */
  "GET /api/payment/payouts/{id}": {
    path: { id: S.PayoutId };
    result: S.Payout;
  };
  /**
   * Tries a payout again.
   * For administrators.
   * One that has failed is handed over anew, to the seller's wallet as it is now. One that is `unknown` is looked after, and handed over anew only with `notSent`.
   */
  "POST /api/payment/payouts/{id}/retry": {
    path: { id: S.PayoutId };
    body?: S.RetryPayout;
    idempotent: true;
    result: S.Payout;
  };
  /**
   * Begins a payment in play money, or finds the live one of the same deal.
   * For buyers, where `PAYMENT_SANDBOX` is on; else it is not there.
   */
  "POST /api/payment/sandbox/intents": {
    body: S.CreateIntent;
    idempotent: true;
    result: S.Payment;
  };
  /**
   * Lets a payment in play money come to what the caller says.
   * For its buyer and administrators, where `PAYMENT_SANDBOX` is on; else it is not there.
   */
  "POST /api/payment/sandbox/{id}/pay": {
    path: { id: S.PaymentId };
    body?: S.PaySandbox;
    idempotent: true;
    result: S.Payment;
  };
  /**
   * Begins a payment by the SHKeeper gateway.
   * For the buyer of a request whose offer is accepted, or of a checkout. A live payment of the same deal is found again, with the same address and amount.
   */
  "POST /api/payment/shkeeper/intents": {
    body: S.CreateShkeeperIntent;
    idempotent: true;
    result: S.Intent;
  };
  /**
   * Begins the payout of a payment whose escrow is released.
   * For administrators.
   * Payouts begin by themselves with `PAYOUT_MODE=auto`. A payment has one payout for each of its sellers.
   */
  "POST /api/payment/shkeeper/payout": {
    body: S.CreatePayout;
    idempotent: true;
    result: S.CreatedPayouts;
  };
  /**
   * Takes the gateway's callbacks about payouts.
   * Signed as those about payments.
   */
  "POST /api/payment/shkeeper/payout-webhook": {
    body: unknown;
    result: S.Empty;
  };
  /**
   * Takes the gateway's callbacks about payments.
   * Signed by `X-Shkeeper-Signature` and `X-Shkeeper-Timestamp`. The gateway repeats a callback until it is answered 202.
   */
  "POST /api/payment/shkeeper/webhook": {
    body: unknown;
    result: S.Empty;
  };
  /**
   * Shows one payment, to its parties and administrators.
   * A seller sees the own share of it.
   */
  "GET /api/payment/{id}": {
    path: { id: S.PaymentId };
    result: S.Payment;
  };
  /**
   * Gives a buyer's money back on an administrator's word.
   * For administrators.
   * A paid deal is called off, and its price is `refunding` until its rail has given it back: the sandbox does so at once, for the others a second call records the transaction (`txHash`). With `excess` it is about what came beside a price.
   */
  "POST /api/payment/{id}/refund": {
    path: { id: S.PaymentId };
    body?: S.RefundPayment;
    idempotent: true;
    result: S.Payment;
  };
  /**
   * Releases an escrow on an administrator's word: the deal is completed whatever its parties have still to do, and the payout begins.
   * Where the escrow is released already and no payout was begun, it begins the payout. For administrators.
   */
  "POST /api/payment/{id}/release": {
    path: { id: S.PaymentId };
    body?: S.ReleasePayment;
    idempotent: true;
    result: S.Payment;
  };
  /**
   * Gives the caller's referral code and the link to give away.
   * Takes no body.
   * Every user has a code from the registration on, and keeps it: links that are out go on working.
   */
  "POST /api/points/generate-referral-code": {
    result: S.ReferralCode;
  };
  /** Lists the users with the most lifetime points. */
  "GET /api/points/leaderboard": {
    query?: { page?: number; limit?: number };
    result: Page<S.LeaderboardEntry>;
  };
  /** Lists the levels, lowest first. */
  "GET /api/points/levels": {
    result: S.Level[];
  };
  /** Says where the caller stands: balance, level, credit, referral code. */
  "GET /api/points/my-points": {
    result: S.MyPoints;
  };
  /**
   * Redeems points for a discount on the fee of a later deal.
   * 100 points take one whole unit off the fee, in fiat money and in coins that stand for a dollar. What one fee does not use up waits for the next.
   */
  "POST /api/points/redeem": {
    body: S.Redeem;
    idempotent: true;
    result: S.Redeemed;
  };
  /** Lists those who registered with the caller's code, newest first. */
  "GET /api/points/referrals": {
    query?: { page?: number; limit?: number };
    result: Page<S.Referral>;
  };
  /** Lists the movements of the caller's points, newest first. */
  "GET /api/points/transactions": {
    query?: { page?: number; limit?: number };
    result: Page<S.PointsTransaction>;
  };
  /** Emits an event from another process, journaled like any other (contract §1.7). */
  "POST /api/realtime/emit": {
    body: S.EmitBody;
    result: S.Emitted;
  };
  /** Who is online. */
  "GET /api/users/presence": {
    query: { ids: string };
    result: S.UserPresence[];
  };
  /** What everyone may know of a user. */
  "GET /api/users/{id}": {
    path: { id: S.UserId };
    result: S.PublicUser;
  };
  /** Lists the endpoints that events are sent to. */
  "GET /api/webhooks": {
    query?: { page?: number; limit?: number };
    result: Page<S.Webhook>;
  };
  /**
   * Has events sent to an endpoint, from now on.
   * Messages are signed by the Standard Webhooks scheme. The secret is told in this answer only.
   */
  "POST /api/webhooks": {
    body: S.CreateWebhook;
    result: S.CreatedWebhook;
  };
  /**
   * Has a delivery sent again that was delivered or given up.
   * Takes no body.
   */
  "POST /api/webhooks/deliveries/{id}/retry": {
    path: { id: S.WebhookDeliveryId };
    result: S.WebhookDelivery;
  };
  /** Deletes an endpoint and its deliveries. */
  "DELETE /api/webhooks/{id}": {
    path: { id: S.WebhookId };
    result: S.Empty;
  };
  /** Lists the deliveries to an endpoint, newest first; with `status=dead` those that were given up. */
  "GET /api/webhooks/{id}/deliveries": {
    path: { id: S.WebhookId };
    query?: { page?: number; limit?: number; status?: "pending" | "delivered" | "dead" };
    result: Page<S.WebhookDelivery>;
  };
  /** All events as an AsyncAPI 3 document. */
  "GET /asyncapi.json": {
    result: unknown;
  };
  /** All events as a page to read. */
  "GET /docs/events": {
    result: string;
  };
  /** The process is alive. */
  "GET /health": {
    result: S.Health;
  };
  /** The figures of this node as Prometheus reads them. */
  "GET /metrics": {
    result: string;
  };
  /** This API as an OpenAPI 3.1 document. */
  "GET /openapi.json": {
    result: unknown;
  };
  /** The link that users give to those whom they invite: leads to the sign-up page, whatever the code, so that nobody can try codes here. */
  "GET /r/{code}": {
    path: { code: string };
    result: undefined;
  };
  /** The node can serve requests: it reaches its database and is not stopping. */
  "GET /ready": {
    result: S.Health;
  };
}
