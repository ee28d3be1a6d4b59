// Made from the server's documents by `cargo xtask gen`; changes here are lost.

/** `REALTIME_ACCESS` (contract §1.2): who may see what. */
export type Access = "strict" | "open";

/** An account as its owner sees it. */
export interface Account {
  /** The user's id. */
  _id: UserId;
  /** The picture. */
  avatarId?: FileId;
  /** When the user registered. */
  createdAt: Timestamp;
  /** The address. */
  email: string;
  /** Whether the address was shown to be the user's. */
  emailVerified: boolean;
  /** The display name. */
  name: string;
  /** Where a seller's money goes. */
  payoutWallet?: PayoutWallet;
  /** The code that others register with. */
  referralCode: string;
  /** Buyer, seller or administrator. */
  role: Role;
  /** The last change of the account. */
  updatedAt: Timestamp;
}

/** What owners may change of their accounts. Absent fields stay as they are, `null` removes. */
export interface AccountChange {
  avatarId?: FileId | null;
  /** The display name. */
  name?: string;
  payoutWallet?: PayoutWallet | null;
}

/** What an account is. */
export type AccountKind = "buyer" | "escrow" | "platform_fee" | "seller_payable" | "payout_in_transit" | "provider_clearing" | "refunds";

/** The answer to a client's event. */
export interface Ack {
  /** Why not, when it was not. */
  error?: AckError;
  /** Whether it was done. */
  ok: boolean;
  /** The room that it was about, when it was done. */
  room?: Room;
}

/** Why a client's event was not done. */
export interface AckError {
  /** For programs. */
  code: Refusal;
  /** For people. */
  message: string;
}

/** Evidence of one of the parties. */
export interface AddEvidence {
  /** Files of the caller's: 10 at most. */
  attachmentIds?: FileId[] | null;
  /** In words: 1 to 5,000 characters. */
  text: string;
}

/** Who is to take part in a group. */
export interface AddParticipants {
  /** 1 to 99 users; those who take part already are passed over. */
  userIds: UserId[];
}

/** What became of a call that reads several notifications. */
export interface AllRead {
  /** How many became read by this call. */
  modifiedCount: number;
  /** How many are unread now. */
  unreadCount: number;
}

/** A decimal amount. */
export type Amount = string;

/** An argument of a client's event. */
export interface ArgumentSpec {
  /** What it is called. */
  name: string;
  /** Its JSON Schema. */
  schema: Record<string, unknown>;
}

/** A file that hangs on a message. */
export interface Attachment {
  /** The file. */
  _id: FileId;
  /** Its media type. */
  mimeType: string;
  /** Its name. */
  name: string;
  /** Its size in bytes. */
  size: number;
  /** Where it is fetched, relative to the server. */
  url: string;
}

/** What the buyer wants to spend, in one currency. */
export interface Budget {
  /** The currency of both. */
  currency: Currency;
  /** At most. */
  max: Amount;
  /** At least. */
  min: Amount;
}

/** Tells the seller that the goods were received. */
export interface BuyerConfirmedDelivery {
  /** Who received them. */
  buyerId: UserId;
  /** The request. */
  requestId: RequestId;
}

/** Why a request is called off. */
export interface CancelRequest {
  /** In words: 1 to 500 characters. Sellers with a live offer read it. */
  reason: string;
}

/** A category with those that belong to it. */
export interface Category {
  /** The category. */
  _id: CategoryId;
  /** Those that belong to it, in order. */
  children: Category[];
  /** Its name. */
  name: string;
  /** Its place in addresses. */
  slug: string;
}

export type CategoryId = string;

/** How a user wants to hear of a category. */
export interface Channels {
  /** As a notification. */
  inApp?: boolean;
  /** By mail, where the address is verified. */
  mail?: boolean;
}

/** A chat. */
export interface Chat {
  /** The chat. */
  _id: ChatId;
  /** When it was begun. */
  createdAt: Timestamp;
  /** Who began it. */
  createdBy: UserId;
  /** The newest message. */
  lastMessage?: ChatMessage;
  /** Who adds and removes participants of a group. */
  ownerId?: UserId;
  /**
   * Who takes part, in the order in which they came. Of the administrators in a chat with the
   * support, those who have read or written.
   */
  participantIds: UserId[];
  /** The same, with their names. */
  participants: PublicUser[];
  /** The request that it is about. */
  purchaseRequestId?: RequestId;
  /** A group's name; that of the request of a chat about one. */
  title?: string;
  /** What it is for. */
  type: ChatType;
  /** How many messages of others the caller has not read. */
  unreadCount: number;
  /** When the newest message was sent; without one, when it was begun. */
  updatedAt: Timestamp;
}

export type ChatId = string;

/** A message in a chat (contract §3.5). */
export interface ChatMessage {
  /** The message. */
  _id: MessageId;
  /** Files. */
  attachments?: Attachment[];
  /** The chat that it is in. */
  chatId: ChatId;
  /** The sender's own id of it, by which a repeated send is known. */
  clientMessageId?: string;
  /** Its text; empty when it was deleted. */
  content: string;
  /** When it was sent. */
  createdAt: Timestamp;
  /** When it was deleted; what remains is a tombstone. */
  deletedAt?: Timestamp;
  /** When it was last edited. */
  editedAt?: Timestamp;
  /** Who wrote it. */
  senderId: UserId;
}

/** What a chat is for. */
export type ChatType = "direct" | "group" | "purchase_request" | "support";

/** A checkout (contract §3.3). */
export interface Checkout {
  /** The checkout. */
  _id: CheckoutId;
  /** Who buys. */
  buyerId: UserId;
  /** When it was made. */
  createdAt: Timestamp;
  /** It fails then where it is not paid. */
  expiresAt: Timestamp;
  /** What was taken; a seller sees their own. */
  items: CheckoutItem[];
  /** The payment that paid it. */
  paymentId?: PaymentId;
  /** Why it failed. */
  reason?: string;
  /** The requests that it made, one for each seller; a seller sees their own. */
  requestIds: RequestId[];
  /** Where it stands. */
  status: CheckoutStatus;
  /** What it costs in all; for its buyer and administrators. */
  total?: Money;
}

export type CheckoutId = string;

/** What a checkout took of one template. */
export interface CheckoutItem {
  /** The price of one. */
  price: Money;
  /** How many. */
  quantity: number;
  /** The request that it is part of. */
  requestId: RequestId;
  /** Who sells. */
  sellerId: UserId;
  /** The template. */
  templateId: TemplateId;
  /** What is sold, in a line. */
  title: string;
}

/** Where a checkout stands. */
export type CheckoutStatus = "pending" | "paid" | "failed";

/** An event that clients send. */
export interface ClientEventSpec {
  /** The JSON Schema of the answer. */
  ack: Record<string, unknown>;
  /** Its arguments. */
  arguments: ArgumentSpec[];
  /** Whether it is Souk's own and not the reference's. */
  beyondReference: boolean;
  /** What it asks for. */
  description: string;
  /** The events that the server sends because of it. */
  emits: string[];
  /** The rooms that the socket is in afterwards. */
  joins: string[];
  /** The rooms that the socket is not in afterwards. */
  leaves: string[];
  /** The event's name. */
  name: string;
}

/** Who shows the delivery code. */
export type CodeHolder = "seller" | "buyer";

/** Names the transaction that pays. */
export interface ConfirmPayment {
  /** The payment. */
  paymentId: PaymentId;
  /** As for `POST /api/payment/decentralized/wallet`, where that was not called before. */
  signature?: string | null;
  /** The transaction: `0x` and 64 hexadecimal digits. */
  txHash: string;
}

/** What anybody may know of this program. */
export interface ConsoleInfo {
  /** `REALTIME_ACCESS`. */
  access: Access;
  /** Whether there is play money. */
  sandbox: boolean;
  /** Its version. */
  version: string;
}

/** A new chat. */
export interface CreateChat {
  /** Who takes part besides the caller, who may be named or not: 1 to 99 users. */
  participantIds: UserId[];
  /** The name of a group: 1 to 100 characters. */
  title?: string | null;
  /** `direct` takes one other user. */
  type: NewChatType;
}

/** What is bought in one go. */
export interface CreateCheckout {
  deliveryInfo?: DeliveryInfo | null;
  /** 1 to 50 templates, each once, all in one currency. */
  items: TemplateItem[];
}

/** What is to be paid: the accepted offer of a request, or a checkout. */
export interface CreateIntent {
  checkoutId?: CheckoutId | null;
  purchaseRequestId?: RequestId | null;
  sellerOfferId?: OfferId | null;
}

/** A new offer. */
export interface CreateOffer {
  /** How long the delivery takes: 1 to 1,000 units. */
  deliveryTime: DeliveryTime;
  /** The seller's words: 2,000 characters at most. */
  message: string;
  /** The price of everything asked for, in the request's currency; more than zero. */
  price: Money;
  validUntil?: Timestamp | null;
}

/** Which payment's escrow is to be paid out. */
export interface CreatePayout {
  /** The payment. */
  paymentId: PaymentId;
}

/** A new purchase request. */
export interface CreateRequest {
  /** What the buyer wants to spend. */
  budget: Budget;
  categoryId?: CategoryId | null;
  deliveryInfo?: DeliveryInfo | null;
  /** What is wanted, in full: 1 to 5,000 characters. */
  description: string;
  offersUntil?: Timestamp | null;
  /** Makes the request private: only these sellers see it. At most 50. */
  preferredSellerIds?: UserId[] | null;
  /** What kind of thing it is. */
  productType: ProductType;
  /** How many: 1 to 1,000,000. */
  quantity: number;
  /** What is wanted, in a line: 3 to 200 characters. */
  title: string;
  /** How soon. */
  urgency: Urgency;
}

/** A chat about a purchase request. */
export interface CreateRequestChat {
  /** The request. */
  purchaseRequestId: RequestId;
  /** A seller who may know of the request. */
  sellerId: UserId;
}

/** A new review. */
export interface CreateReview {
  /** In words: 2,000 characters at most; may be left out. */
  comment?: string;
  /** Stars, 1 to 5. */
  rating: number;
}

/**
 * What is to be paid, and in which coin: an accepted offer (`purchaseRequestId` and
 * `sellerOfferId`) or a checkout (`checkoutId`).
 */
export interface CreateShkeeperIntent {
  checkoutId?: CheckoutId | null;
  /** The coin, as the gateway names it. */
  crypto: string;
  purchaseRequestId?: RequestId | null;
  sellerOfferId?: OfferId | null;
}

/** A new template. */
export interface CreateTemplate {
  categoryId?: CategoryId | null;
  deliveryTime?: DeliveryTime | null;
  /** What is sold, in full: 5,000 characters at most. */
  description?: string;
  expiresAt?: Timestamp | null;
  /** How many can be sold, 1 to 1,000,000; any number where it is left out. */
  maxUsage?: number | null;
  /** The price of one; more than zero. */
  price: Money;
  productType?: ProductType | null;
  /** What is sold, in a line: 3 to 150 characters. */
  title: string;
}

/** What to pay, and from which wallet. */
export interface CreateWalletIntent {
  checkoutId?: CheckoutId | null;
  purchaseRequestId?: RequestId | null;
  sellerOfferId?: OfferId | null;
  /** One of `GET /api/payment/decentralized/tokens`. */
  token: string;
  /**
   * The wallet that will pay. Its own key has to sign `message`, so it cannot be a contract or
   * an exchange's.
   */
  wallet: string;
}

/** A new endpoint. */
export interface CreateWebhook {
  /** For the administrators: 200 characters at most. */
  description?: string;
  /** The names of the events to send; all where absent. */
  events?: string[] | null;
  /** Where to send: https, on the public internet. */
  url: string;
}

/** The payouts that were begun. */
export interface CreatedPayouts {
  /** One for each seller of the payment. */
  payouts: Payout[];
}

/** A new endpoint and its secret, which is told this once. */
export type CreatedWebhook = Webhook & {
  /** What its messages are signed with. */
  secret: string;
};

/** An address and its password. */
export interface Credentials {
  /** The address; case does not matter. */
  email: string;
  /** The password. */
  password: string;
}

/** A currency that prices and payments are in: ISO 4217 codes, and the tickers of coins. */
export type Currency = "USD" | "EUR" | "GBP" | "CHF" | "CAD" | "AUD" | "INR" | "TRY" | "AED" | "BRL" | "JPY" | "USDT" | "USDC" | "TRX" | "XRP" | "BTC" | "LTC" | "DOGE" | "XMR" | "ETH" | "BNB" | "POL" | "AVAX" | "SOL" | "DAI";

/** The sum over all accounts of a currency. */
export interface CurrencySum {
  /** The currency. */
  currency: Currency;
  /** Always zero. */
  sum: string;
}

/** How to go on from a page of messages. */
export interface Cursors {
  /** `after` of the page with what is newer than this one. */
  after?: MessageId;
  /** `before` of the page with what is older than this one. */
  before?: MessageId;
  /** Whether there are more: newer ones where only `after` was given, else older ones. */
  hasMore: boolean;
  /** Messages a page. */
  limit: number;
}

/** The delivery of a deal, for its parties. */
export interface Delivery {
  /** Who carries it. */
  carrier?: string;
  /** The code that can be entered now, where there is one. */
  code?: DeliveryCode;
  /** When the right code was entered. */
  deliveredAt?: Timestamp;
  /** The request. */
  requestId: RequestId;
  /** Where the request stands. */
  requestStatus: RequestStatus;
  /** Where the shipment is, by the seller's last word. */
  status?: DeliveryStatus;
  /** The carrier's number of it. */
  trackingNumber?: string;
}

/** A delivery code. */
export interface DeliveryCode {
  /** Six digits; only in the answer to its holder who generates it. */
  deliveryCode?: string;
  /** It ends then. */
  expiresAt: Timestamp;
  /** Who shows it; the other party enters it. */
  holder: CodeHolder;
  /** Wrong tries that are left. */
  triesLeft: number;
}

/** The delivery code was made. */
export interface DeliveryCodeGenerated {
  /** Six digits; absent for those who may not know them. */
  deliveryCode?: string;
  /** The request. */
  requestId: RequestId;
}

/** The right code was entered. */
export interface DeliveryConfirmed {
  /** The request. */
  requestId: RequestId;
}

/** Where the goods go. Only the buyer and the chosen seller see it. */
export interface DeliveryInfo {
  /** Street and number. */
  address?: string;
  /** City. */
  city?: string;
  /** Country. */
  country?: string;
  /** Anything else the seller should know. */
  notes?: string;
  /** A telephone number for the carrier. */
  phone?: string;
  /** Postal code. */
  postalCode?: string;
}

/**
 * What the seller says about the shipment (contract §3.4). It does not move the deal: that
 * the goods were received is known by the code alone.
 */
export type DeliveryStatus = "preparing" | "shipped" | "in_transit" | "out_for_delivery" | "delivered";

/** How long the delivery takes. */
export interface DeliveryTime {
  /** How many units. */
  amount: number;
  /** Of what. */
  unit: DeliveryUnit;
}

/** The unit of a delivery time. */
export type DeliveryUnit = "hours" | "days" | "weeks" | "months";

/** The shipment moved on. */
export interface DeliveryUpdate {
  /** Who carries it. */
  carrier?: string;
  /** The request. */
  requestId: RequestId;
  /** Where the shipment is. */
  status: DeliveryStatus;
  /** The carrier's number of it. */
  trackingNumber?: string;
}

/** Two things that have to be the same and are not. */
export interface Difference {
  /** What was compared. */
  check: string;
  /** What follows from the rows of payments and payouts. */
  expected: string;
  /** What there is. */
  found: string;
  /** Of what: an account, a payment, a payout. */
  subject: string;
}

/** A dispute. */
export interface Dispute {
  /** The dispute. */
  _id: DisputeId;
  /** Who buys. */
  buyerId: UserId;
  /** What it is about. */
  category: string;
  /** When it was opened. */
  createdAt: Timestamp;
  /** What happened, by whom opened it. */
  description: string;
  /** What the parties brought forward, oldest first; not in lists. */
  evidence?: Evidence[];
  /** What the administrator said. */
  note?: string;
  /** Who opened it. */
  openedBy: UserId;
  /** How it ended. */
  outcome?: DisputeOutcome;
  /** The deal. */
  purchaseRequestId: RequestId;
  /** When it was resolved. */
  resolvedAt?: Timestamp;
  /** Who sells. */
  sellerId: UserId;
  /** Where it stands. */
  status: DisputeStatus;
  /** What the seller got of the price. */
  toSeller?: Money;
  /** When it was last changed. */
  updatedAt: Timestamp;
}

export type DisputeId = string;

/** How a dispute ends. */
export type DisputeOutcome = "release" | "refund" | "split";

/** Where a dispute stands. */
export type DisputeStatus = "open" | "resolved";

/** What an event is about. */
export type Domain = "marketplace" | "payment" | "chat" | "notification" | "points" | "presence" | "session";

/** What happens to an event that a client is not there for (contract §1.6). */
export type Durability = "journaled" | "ephemeral";

/** Another text of a message. */
export interface EditMessage {
  /** The new text: 10,000 characters at most, and not blank without attachments. */
  content: string;
}

/** Shows by a mailed token that the address is the user's. */
export interface EmailVerification {
  /** The `token` of the link. */
  token: string;
}

/** An event of another process. */
export interface EmitBody {
  /** Its argument, any JSON; null without it. */
  data?: unknown;
  /**
   * Its name; any but those of the Socket.IO protocol, `session`, `room-error`, and names that
   * begin with `$`.
   */
  event: string;
  /** Makes it happen once, however often it is sent within 24 hours. */
  id?: string | null;
  /** Its room; without one, or with `*`, every socket gets it. */
  room?: string | null;
}

/** What became of it. */
export interface Emitted {
  /** Whether it was emitted before, under the same `id`. */
  repeated: boolean;
}

/** An empty object. */
export type Empty = Record<string, unknown>;

/** The code that the other party shows. */
export interface EnterCode {
  /** Six digits. */
  code: string;
}

/** The body of every failed request. */
export interface ErrorBody {
  /** What went wrong. */
  error: ErrorDetail;
  /** Always false. */
  success: boolean;
}

/** What went wrong, for programs (`code`) and for people (`message`). */
export interface ErrorDetail {
  /** Stable snake_case code. */
  code: string;
  /** Field paths and what is wrong with them. */
  details?: Record<string, string> | null;
  /** Text for people; may change. */
  message: string;
  /** Also in the `X-Request-Id` header and in the log. */
  requestId: string;
}

/** Where a payment's money is (contract §4.2). */
export type EscrowState = "none" | "partial" | "funded" | "disputed" | "releasable" | "releasing" | "released" | "refunding" | "refunded" | "failed";

/** Every event there is, in both directions. */
export interface EventCatalog {
  /** What clients send. */
  clientEvents: ClientEventSpec[];
  /** What the `$ref`s in the schemas point to. */
  components: EventCatalogComponents;
  /** What the server sends. */
  events: EventSpec[];
}

/** The named schemas. */
export interface EventCatalogComponents {
  /** JSON Schemas by name. */
  schemas: Record<string, unknown>;
}

/** Events, and where to go on. */
export interface EventPage {
  /** The events behind the offset, in order. */
  events: PastEvent[];
  /** Whether there may be more. */
  hasMore: boolean;
  /** The offset to go on from. */
  next: string;
  /**
   * The offset was too old, or of no use here: fetch anew what you show, then go on from
   * `next`.
   */
  reset: boolean;
}

/** An event that the server sends. */
export interface EventSpec {
  /** Whether it is Souk's own and not the reference's. */
  beyondReference: boolean;
  /** What it tells. */
  description: string;
  /** What it is about. */
  domain: Domain;
  /** Whether a client that was away gets it later. */
  durability: Durability;
  /** When it is emitted. */
  emittedWhen: string;
  /** Arguments as they may be sent. */
  examples: (Record<string, unknown>)[];
  /** The event's name. */
  name: string;
  /** The JSON Schema of its one argument. */
  payload: Record<string, unknown>;
  /** Where it goes. */
  rooms: RoomPatterns;
}

/** What a party, or an administrator, brought forward. */
export interface Evidence {
  /** The evidence. */
  _id: string;
  /** Files. */
  attachmentIds: FileId[];
  /** Whose it is. */
  authorId: UserId;
  /** When it was brought. */
  createdAt: Timestamp;
  /** In words. */
  text: string;
}

/** A file. */
export interface File {
  /** The file. */
  _id: FileId;
  /** When it was uploaded. */
  createdAt: Timestamp;
  /** The height of an image, in pixels. */
  height?: number;
  /** Its media type, found by its bytes. */
  mimeType: string;
  /** Its name. */
  name: string;
  /** Its size in bytes. */
  size: number;
  /** Where it is fetched, relative to the server. */
  url: string;
  /** The width of an image, in pixels. */
  width?: number;
}

/** A file as it was uploaded. */
export type FileBytes = string;

/** The form of an upload. */
export interface FileForm {
  /** The file, with its name. */
  file: string;
}

export type FileId = string;

/** Asks for a mail with a link that sets a new password. */
export interface ForgottenPassword {
  /** The account's address. */
  email: string;
}

/** The state of this node. */
export interface Health {
  /** Always `ok`: a process that answers is alive. */
  status: string;
  /** The program's version. */
  version: string;
}

/** How to pay. */
export interface Intent {
  /** The price. */
  amount: Amount;
  /** The coin. */
  crypto: string;
  /** How many coins are exactly the price. */
  cryptoAmount: string;
  /** Its currency. */
  currency: Currency;
  /** It is to be paid until then. */
  expiresAt?: Timestamp;
  /** The payment. */
  paymentId: PaymentId;
  /** Where the coins go. Nothing else may go there. */
  walletAddress: string;
}

/** An event in the journal. */
export interface JournalEntry {
  /** When its transaction began to commit. */
  createdAt: Timestamp;
  /** Its id. */
  eventId: string;
  /** The event's name. */
  name: string;
  /** Its one argument, without delivery codes. */
  payload: unknown;
  /** Its place in commit order. */
  position: number;
  /** The rooms that it goes to; `*` is every socket. */
  rooms: string[];
}

/** Entries of the journal. */
export interface JournalPage {
  /** In commit order. */
  entries: JournalEntry[];
  /** The position to go on after. */
  next: number;
}

/** What a transfer is. */
export type Kind = "received" | "reversed" | "held" | "unheld" | "divided" | "refunded" | "excess_refunded" | "payout_sent" | "payout_returned" | "payout_completed";

/** Milliseconds from commit to the sockets. */
export interface Latency {
  /** None took longer. */
  max: number;
  /** Half of them took no longer. */
  p50: number;
  /** 95 of 100 took no longer. */
  p95: number;
}

/** A place among all users. */
export interface LeaderboardEntry {
  /** The name of the level. */
  level: string;
  /** Points earned and not taken back. */
  lifetimePoints: number;
  /** The display name. */
  name: string;
  /** Counted from 1; users with as many points share it. */
  rank: number;
  /** The user. */
  userId: UserId;
}

/** An account and what it holds. */
export interface LedgerAccount {
  /** The account: kind, owner and currency. */
  _id: string;
  /** What was put in less what was taken out; below zero for clearing accounts. */
  balance: string;
  /** When it was first used. */
  createdAt: Timestamp;
  /** Its currency. */
  currency: Currency;
  /** What it is. */
  kind: AccountKind;
  /** Whose it is: a payment, request, seller, payout or rail. */
  owner?: string;
}

/** An amount that went from one account to another. */
export interface LedgerEntry {
  /** How much. */
  amount: Amount;
  /** When it was booked. */
  createdAt: Timestamp;
  /** Of what. */
  currency: Currency;
  /** The account that lost the amount. */
  fromAccount: string;
  /** What the transfer is. */
  kind: Kind;
  /** Its place there, from 0. */
  line: number;
  /** What the transfer is of; with the kind it is unique. */
  reference: string;
  /** The account that got it. */
  toAccount: string;
  /** The transfer that it is a part of. */
  transferId: string;
}

/** A level, reached by lifetime points. */
export interface Level {
  /** Its name. */
  name: string;
  /** What it brings. */
  perks: string[];
  /** The lifetime points that it begins at. */
  threshold: number;
}

/** A user reached a higher level. */
export interface LevelUp {
  /** All points ever earned. */
  lifetimePoints: number;
  /** The name of the level now. */
  newLevel: string;
  /** The name of the level before. */
  oldLevel: string;
  /** What the new level brings. */
  perks: string[];
}

/** A node, and whether its sockets are listed. */
export interface LiveNode {
  /** Whether it answered in time. */
  answered: boolean;
  /** Its name, new at each start. */
  id: string;
  /** How many sockets it has, as far as it answered. */
  sockets: number;
}

/** A connected socket. */
export interface LiveSocket {
  /** Seconds since it connected. */
  ageSeconds: number;
  /** Its public id. */
  id: string;
  /** The user's name. */
  name?: string;
  /** The node that it is connected to. */
  node: string;
  /** Unsent bytes. */
  queuedBytes: number;
  /** What the user is. */
  role?: Role;
  /** The rooms that it is in. */
  rooms: string[];
  /** `websocket` or `polling`. */
  transport: string;
  /** Who it is; absent without a token (`open` access). */
  userId?: UserId;
}

/** Who is connected. */
export interface LiveSockets {
  /** The nodes, the one that answers first. */
  nodes: LiveNode[];
  /** The sockets that came first on each, the oldest first. */
  sockets: LiveSocket[];
}

/** How far the caller has read. */
export interface MarkRead {
  /** The newest message that was read; all before it are read too. */
  upToMessageId: MessageId;
}

/** A message is gone. */
export interface MessageDeleted {
  /** The chat. */
  chatId: ChatId;
  /** When it was deleted. */
  deletedAt: Timestamp;
  /** The message. */
  messageId: MessageId;
}

/** A message has another text. */
export interface MessageEdited {
  /** The chat. */
  chatId: ChatId;
  /** Its new text. */
  content: string;
  /** When it was edited. */
  editedAt: Timestamp;
  /** The message. */
  messageId: MessageId;
}

export type MessageId = string;

/** Messages in the order in which they were sent. */
export interface MessagePage {
  /** The messages, oldest first. */
  data: ChatMessage[];
  /** How to go on. */
  pagination: Cursors;
  /** Always true. */
  success: boolean;
}

/** Somebody read. */
export interface MessagesRead {
  /** The chat. */
  chatId: ChatId;
  /** How many messages became read. */
  modifiedCount: number;
  /** The newest message that was read. */
  upToMessageId: MessageId;
  /** Who read. */
  userId: UserId;
}

/** An amount and its currency. */
export interface Money {
  /** How much. */
  amount: Amount;
  /** Of what. */
  currency: Currency;
}

/** How points moved. */
export type Movement = "earn" | "spend" | "expire" | "reverse";

/** Where the caller stands. */
export interface MyPoints {
  /** Points that can be redeemed. */
  balance: number;
  /** Redeemed points that wait for the fee of a later deal. */
  feeCredit: number;
  /** The level that those reach. */
  level: Level;
  /** Points earned and not taken back. */
  lifetimePoints: number;
  /** The level above it. */
  nextLevel?: Level;
  /** Points of refunded deals that were spent already: what is earned next pays them. */
  owed: number;
  /** How many points are missing to it; 0 at the highest. */
  pointsToNextLevel: number;
  /** The code that others register with. */
  referralCode: string;
  /** The link to give away. */
  referralLink: string;
  /** How many users registered with it. */
  referrals: number;
}

/** The types of chats that users begin by naming who takes part. */
export type NewChatType = "direct" | "group";

/** Somebody wrote. */
export interface NewMessage {
  /** The chat. */
  chatId: ChatId;
  /** The message. */
  message: ChatMessage;
  /** Who wrote it. */
  senderId: UserId;
}

/** A notification was stored. */
export interface NewNotification {
  /** The notification. */
  notification: Notification;
}

/** A seller made an offer. */
export interface NewOffer {
  /** The offer. */
  offer: Offer;
  /** The request. */
  requestId: RequestId;
  /** Who offers. */
  sellerId: UserId;
}

/** The figures of a node since its start, and of now. */
export interface NodeStats {
  /** Bytes sent since the start. */
  bytesSent: number;
  /** Sessions closed since the start, by reason. */
  closed: Record<string, number>;
  /** The position up to which this node has handed the journal on. */
  journalHandedOn: number;
  /** The newest position of the journal. */
  journalHead: number;
  /** From commit to the sockets, of the newest events. */
  latencyMs: Latency;
  /** Sessions opened since the start. */
  opened: number;
  /** Packets received since the start. */
  packetsReceived: number;
  /** Packets sent since the start. */
  packetsSent: number;
  /** Sessions on HTTP long-polling. */
  polling: number;
  /** The last ten minutes, oldest first. */
  samples: Sample[];
  /** Connected sockets. */
  sockets: number;
  /** When it started. */
  startedAt: Timestamp;
  /** The program's version. */
  version: string;
  /** Sessions on WebSocket. */
  websocket: number;
}

/** A notification (contract §3.6). */
export interface Notification {
  /** The notification. */
  _id: NotificationId;
  /** Its text. */
  body: string;
  /** When it was made. */
  createdAt: Timestamp;
  /** What it refers to, e.g. a `requestId`. */
  data: Record<string, unknown>;
  /** When its owner read it. */
  readAt?: Timestamp;
  /** Its head line. */
  title: string;
  /** What kind it is, e.g. `new_offer`. */
  type: string;
}

export type NotificationId = string;

/** A seller's offer on a request (contract §3.2). */
export interface Offer {
  /** The offer. */
  _id: OfferId;
  /** When it was made. */
  createdAt: Timestamp;
  /** How long the delivery takes. */
  deliveryTime: DeliveryTime;
  /** The seller's words. */
  message: string;
  /** The price of everything asked for. */
  price: Money;
  /** The request that it answers. */
  requestId: RequestId;
  /** Who offers. */
  sellerId: UserId;
  /** Where it stands. */
  status: OfferStatus;
  /** When it was last changed. */
  updatedAt: Timestamp;
  /** It expires then. */
  validUntil?: Timestamp;
}

/** What happened to a seller's offer. */
export type OfferEventType = "payment-completed" | "offer-rejected" | "offer-accepted";

export type OfferId = string;

/** The state of an offer (contract §3.2). */
export type OfferStatus = "pending" | "accepted" | "rejected" | "withdrawn" | "expired";

/** What a seller learns about an offer. */
export interface OfferUpdateData {
  /** Whether it is the one that the buyer chose. */
  isSelected: boolean;
  /** The offer. */
  offerId: OfferId;
  /** The confirmed payment. */
  paymentId?: PaymentId;
  /** Why it was rejected. */
  reason?: string;
  /** Its transaction on the chain. */
  transactionHash?: string;
}

/** Whether a user has a live socket (contract §1.5). */
export type OnlineStatus = "online" | "offline";

/** A new dispute. */
export interface OpenDispute {
  /**
   * What it is about, in a word or two, such as `not_received`, `not_as_described`, `damaged`,
   * `no_response`, `other`: 1 to 50 characters.
   */
  category: string;
  /** What happened: 1 to 5,000 characters. */
  description: string;
  /** The deal. */
  purchaseRequestId: RequestId;
}

/** Where a page stands in its list. */
export interface Pagination {
  /** Whether a next page has rows. */
  hasMore: boolean;
  /** Rows a page. */
  limit: number;
  /** Counted from 1. */
  page: number;
  /** Rows of the whole list. */
  total: number;
}

/** The chat has one participant less. */
export interface ParticipantRemoved {
  /** The chat. */
  chatId: ChatId;
  /** Who is no longer in it. */
  removedUserId: UserId;
}

/** The chat has more participants. */
export interface ParticipantsAdded {
  /** Who is new in it. */
  addedUserIds: UserId[];
  /** The chat. */
  chatId: ChatId;
}

/** A change of the caller's own password. */
export interface PasswordChange {
  /** The password up to now. */
  currentPassword: string;
  /** The password from now on. */
  newPassword: string;
}

/** Sets a new password by a mailed token. */
export interface PasswordReset {
  /** The password from now on. */
  newPassword: string;
  /** The `token` of the link. */
  token: string;
}

/** An event that was sent. */
export interface PastEvent {
  /** When it happened. */
  createdAt: Timestamp;
  /** Its argument. */
  data: unknown;
  /** Its name. */
  event: string;
  /** Its offset. */
  offset: string;
}

/** A payment in play money. */
export interface PaySandbox {
  amount?: Amount | null;
  /** What it comes to; `paid` by default. */
  outcome?: SandboxOutcome;
}

/**
 * A payment into escrow (contract §4). A seller sees the own share of it only, and that as if
 * it were all.
 */
export interface Payment {
  /** The payment. */
  _id: PaymentId;
  /** How much is to be paid in all. */
  amount: Amount;
  /** Who pays. */
  buyerId: UserId;
  /** The checkout that it pays. */
  checkoutId?: CheckoutId;
  /** When the money was in escrow. */
  confirmedAt?: Timestamp;
  /** When it was begun. */
  createdAt: Timestamp;
  /** The currency of every amount here. */
  currency: Currency;
  /** Where its money is. */
  escrowState: EscrowState;
  /** What is odd about its money. */
  exception?: PaymentException;
  /**
   * What of that came beside the price and stands to the buyer's credit: too much, too late, or
   * not yet enough. For the buyer and administrators.
   */
  excess?: Amount;
  /** It is to be paid until then. */
  expiresAt?: Timestamp;
  /** Why it failed or ended. */
  failureReason?: string;
  /** Its rail. */
  provider: PaymentProvider;
  /** How much has arrived and is confirmed. For the buyer and administrators. */
  received?: Amount;
  /** What it pays: one request, or each of a checkout. */
  shares: PaymentShare[];
  /** Where it stands. */
  status: PaymentStatus;
  /** The transaction that brought the money. */
  txHash?: string;
  /** When it was last changed. */
  updatedAt: Timestamp;
}

/** A payment was begun. */
export interface PaymentCreated {
  /** How much is to be paid in all. */
  amount: Amount;
  /** Who pays. */
  buyerId: UserId;
  /** Its currency. */
  currency: Currency;
  /** The payment. */
  paymentId: PaymentId;
  /** Its rail. */
  provider: PaymentProvider;
  /** The request that it pays; the first one of a checkout. */
  requestId: RequestId;
  /** Who will get it; the seller of `requestId` where a checkout has several. */
  sellerId: UserId;
}

/** What is odd about the money of a payment (contract §4.2). */
export type PaymentException = "partial" | "over" | "late" | "wrong_asset";

export type PaymentId = string;

/** The rail that a payment takes. */
export type PaymentProvider = "shkeeper" | "decentralized" | "sandbox";

/** Tells the seller that the money is in escrow. */
export interface PaymentReceived {
  /** The seller's price. */
  amount: Amount;
  /** Who paid. */
  buyerId: UserId;
  /** Its currency. */
  currency: Currency;
  /** The request that is paid. */
  purchaseRequestId: RequestId;
}

/** What of a payment is for one request. */
export interface PaymentShare {
  /** The price. */
  amount: Amount;
  /** Where the money of this request is. */
  escrowState: EscrowState;
  /** What of it the platform keeps when it is released. */
  fee: Amount;
  /** The accepted offer; none where the request came from a template. */
  offerId?: OfferId;
  /** The transaction that brought that back. */
  refundTxHash?: string;
  /** The request. */
  requestId: RequestId;
  /** Who will get it. */
  sellerId: UserId;
  /** What of the price goes back to the buyer, once that is decided. */
  toBuyer?: Amount;
  /** What of the price went to the seller, the fee in it, once that is decided. */
  toSeller?: Amount;
}

/** The state of a payment (contract §4.2). */
export type PaymentStatus = "pending" | "processing" | "confirmed" | "completed" | "failed" | "cancelled" | "expired" | "refunded";

/** A payment changed. */
export interface PaymentUpdate {
  /** Where its money is. */
  escrowState?: EscrowState;
  /** The payment. */
  paymentId: PaymentId;
  /** Its status. */
  status: PaymentStatus;
  /** The transaction on the chain. */
  txHash?: string;
}

/** Money on its way to a seller (contract §4.4). */
export interface Payout {
  /** The payout. */
  _id: PayoutId;
  /** Where it goes. */
  address: string;
  /** How much, without the fee. */
  amount: Amount;
  /** How often it was handed to the gateway: more than once only after a certain failure. */
  attempt: number;
  /** When the seller had it. */
  completedAt?: Timestamp;
  /** When it was decided. */
  createdAt: Timestamp;
  /** The coin that it is paid in, as the gateway names it. */
  crypto: string;
  /** Its currency. */
  currency: Currency;
  /** The payment whose escrow it pays out. */
  paymentId: PaymentId;
  /** Its rail. */
  provider: PaymentProvider;
  /** Why it failed, or why it is not known where it is. For administrators. */
  reason?: string;
  /** The request that was paid. */
  requestId: RequestId;
  /** Who gets it. */
  sellerId: UserId;
  /** Where it stands. */
  status: PayoutStatus;
  /** The gateway's task. */
  taskId?: string;
  /** The transaction on the chain. */
  txHash?: string;
  /** When it was last changed. */
  updatedAt: Timestamp;
}

/** A payout reached the seller. */
export interface PayoutCompleted {
  /** The payout. */
  payoutId: PayoutId;
  /** The gateway's task; the payout's own id where no gateway is in between. */
  taskId: string;
  /** The transaction on the chain. */
  txHash: string;
}

/** A payout was handed to the gateway. */
export interface PayoutCreated {
  /** How much. */
  amount: Amount;
  /** Its currency. */
  currency: Currency;
  /** The payout. */
  payoutId: PayoutId;
  /** Who gets it. */
  sellerId: UserId;
  /** The gateway's task; the payout's own id where no gateway is in between. */
  taskId: string;
}

export type PayoutId = string;

/** The state of a payout (contract §4.4). */
export type PayoutStatus = "queued" | "submitting" | "submitted" | "broadcast" | "completed" | "failed" | "unknown";

/** A payout changed. */
export interface PayoutUpdated {
  /** The payout. */
  payoutId: PayoutId;
  /** Its status. */
  status: PayoutStatus;
}

/** Where a seller's money goes. */
export interface PayoutWallet {
  /** An address on the coin's chain. */
  address: string;
  /** The coin, as the payment gateway names it: `BTC`, `ETH-USDT`, … */
  crypto: string;
}

/** A movement of points. */
export interface PointsTransaction {
  /** The movement. */
  _id: PointsTransactionId;
  /** How many; negative where they went. */
  amount: number;
  /** The balance afterwards. */
  balanceAfter: number;
  /** When. */
  createdAt: Timestamp;
  /** Why. */
  reason: Reason;
  /** The invited user. */
  referredUserId?: UserId;
  /** The deal. */
  requestId?: RequestId;
  /** How they moved. */
  type: Movement;
}

export type PointsTransactionId = string;

/** How a user wants to hear of what. What is left out takes its default: in the app, not by mail. */
export interface Preferences {
  /** Messages. */
  chat?: Channels;
  /** Shipment, codes, receipt. */
  delivery?: Channels;
  /** Disputes. */
  disputes?: Channels;
  /** Offers made, accepted, turned down, over. */
  offers?: Channels;
  /** Payments and template checkouts. */
  payments?: Channels;
  /** Payouts to sellers. */
  payouts?: Channels;
  /** Points, levels, referrals. */
  points?: Channels;
  /** Requests: invitations, cancellations, completed deals. */
  requests?: Channels;
  /** Reviews. */
  reviews?: Channels;
}

/** What is bought. */
export type ProductType = "physical" | "digital" | "service";

/** Shows whose wallet it is. */
export interface ProveWallet {
  /** The payment. */
  paymentId: PaymentId;
  /**
   * The intent's `message`, signed by the wallet with `personal_sign` (EIP-191): `0x` and 130
   * hexadecimal digits.
   */
  signature: string;
}

/** What everyone may know of a user. */
export interface PublicUser {
  /** The user. */
  _id: UserId;
  /** The picture. */
  avatarId?: FileId;
  /** When the user registered. */
  createdAt: Timestamp;
  /** The display name. */
  name: string;
  /** What others say about the user; absent where nobody said anything yet. */
  rating?: Rating;
  /** Buyer, seller or administrator. */
  role: Role;
}

/** A purchase request (contract §3.1). */
export interface PurchaseRequest {
  /** The request. */
  _id: RequestId;
  /** What the buyer wants to spend. */
  budget: Budget;
  /** Who asks. */
  buyerId: UserId;
  /** Its place in the category tree. */
  categoryId?: CategoryId;
  /** When it was made. */
  createdAt: Timestamp;
  /** Where the goods go, for those who may know it. */
  deliveryInfo?: DeliveryInfo;
  /** What is wanted, in full. */
  description: string;
  /** How many live offers there are, for those who may know it. */
  offersCount?: number;
  /** Offers are taken until then. */
  offersUntil?: Timestamp;
  /** Present where the request is private: the sellers who are invited. */
  preferredSellerIds?: UserId[];
  /** What kind of thing it is. */
  productType: ProductType;
  /** How many. */
  quantity: number;
  /** The accepted offer. */
  selectedOfferId?: OfferId;
  /** Where it stands. */
  status: RequestStatus;
  /** What is wanted, in a line. */
  title: string;
  /** When it was last changed. */
  updatedAt: Timestamp;
  /** How soon. */
  urgency: Urgency;
}

/** Something about a request changed. */
export interface PurchaseRequestUpdate {
  /** The payment that changed. */
  paymentId?: PaymentId;
  /** The payment's rail. */
  provider?: PaymentProvider;
  /** The request. */
  requestId: RequestId;
  /** The request's status after the change. */
  status?: RequestStatus;
  /** The payment's transaction on its chain. */
  txHash?: string;
  /** What changed. */
  type: RequestUpdateType;
}

/** What others say about a user, in sum. */
export interface Rating {
  /** Stars, 1 to 5, on average; to a hundredth. */
  average: number;
  /** How many reviews there are. */
  count: number;
}

/** What became read. */
export interface ReadReceipt {
  /** The chat. */
  chatId: ChatId;
  /** How many messages of others became read by it. */
  modifiedCount: number;
  /** How many are unread now. */
  unreadCount: number;
  /** The message that the caller has read up to. */
  upToMessageId: MessageId;
}

/** Why points moved. */
export type Reason = "deal" | "referral" | "redeem" | "expiry" | "refund" | "debt";

/** What the ledger was compared with, and how it differs. */
export interface Reconciliation {
  /** Whether there is no difference. */
  balanced: boolean;
  /** What differs. */
  differences: Difference[];
  /** The sum over all accounts, which is zero. */
  sums: CurrencySum[];
}

/** Names the transaction that paid the seller. */
export interface RecordPayout {
  /** The payment whose escrow is paid out. */
  paymentId: PaymentId;
  /** The transaction: `0x` and 64 hexadecimal digits. */
  txHash: string;
}

/** A payout that was made from the platform's wallet. */
export interface RecordedPayout {
  /** The payout as it is now. */
  payout: Payout;
  /** The transaction. */
  transaction: WalletTransaction;
}

/** How many points to redeem. */
export interface Redeem {
  /** At most the balance. 100 points take one whole unit off the fee of a later deal. */
  points: number;
}

/** What became of redeemed points. */
export interface Redeemed {
  /** Points that can still be redeemed. */
  balance: number;
  /** Redeemed points that wait for the fee of a later deal. */
  feeCredit: number;
  /** The movement. */
  transaction: PointsTransaction;
}

/** Somebody who registered with the caller's code. */
export interface Referral {
  /** When they registered. */
  joinedAt: Timestamp;
  /** The display name. */
  name: string;
  /** How many. */
  points: number;
  /** Whether their first deal brought points. */
  rewarded: boolean;
  /** The invited user. */
  userId: UserId;
}

/** A code to invite others with. */
export interface ReferralCode {
  /** The code that others register with. */
  referralCode: string;
  /** The link to give away. */
  referralLink: string;
}

/** A referral paid off. */
export interface ReferralReward {
  /** How many points it brought. */
  points: number;
  /** Who was invited. */
  referredUserId: UserId;
  /** The movement of points. */
  transactionId: PointsTransactionId;
}

/** An invited user registered. */
export interface ReferralSignup {
  /** When they registered. */
  joinedAt: Timestamp;
  /** Their display name. */
  name: string;
  /** Who was invited. */
  referredUserId: UserId;
}

/** A refresh token; without one the cookie counts. */
export interface RefreshInput {
  /** The refresh token of the newest sign-in or refresh. */
  refreshToken?: string | null;
}

/** What an administrator gives back. */
export interface RefundPayment {
  /** Not a price, but what came beside it: too much, too late, or not enough. */
  excess?: boolean;
  /** Why, in words that both parties read: 1 to 500 characters. */
  reason?: string | null;
  requestId?: RequestId | null;
  /** The transaction that brought the money back, where the rail does not do so by itself. */
  txHash?: string | null;
}

/** Why a client's event is refused. */
export type Refusal = "bad_request" | "unknown_event" | "unauthorized" | "forbidden" | "rate_limited" | "too_many_rooms" | "internal";

/** A new account. */
export interface Registration {
  /** The address; case does not matter. */
  email: string;
  /** The display name. */
  name: string;
  /** The password. */
  password: string;
  /** The code of who invited the user. */
  referralCode?: string | null;
  /** Buyer or seller. */
  role: SignUpRole;
}

/** Why an offer is turned down. */
export interface RejectOffer {
  /** In words: 1 to 500 characters. The seller reads it. */
  reason?: string | null;
}

/** What an administrator releases. */
export interface ReleasePayment {
  requestId?: RequestId | null;
}

/** A request is called off. */
export interface RequestCancelled {
  /** Why, in words. */
  reason: string;
  /** The request. */
  requestId: RequestId;
}

export type RequestId = string;

/** The state of a purchase request (contract §3.1). */
export type RequestStatus = "pending_payment" | "active" | "received_offers" | "payment" | "processing" | "delivery" | "delivered" | "completed" | "cancelled";

/** A template (contract §3.3). */
export interface RequestTemplate {
  /** The template. */
  _id: TemplateId;
  /** Whether it can be bought now. */
  available: boolean;
  /** Its place in the category tree. */
  categoryId?: CategoryId;
  /** When it was made. */
  createdAt: Timestamp;
  /** How long the delivery takes. */
  deliveryTime: DeliveryTime;
  /** What is sold, in full. */
  description: string;
  /** It is sold until then. */
  expiresAt?: Timestamp;
  /** How many can be sold; absent where there is no bound. */
  maxUsage?: number;
  /** The price of one. */
  price: Money;
  /** What kind of thing it is. */
  productType: ProductType;
  /** How many are left; absent where there is no bound. */
  remaining?: number;
  /** Who sells. */
  sellerId: UserId;
  /** The secret part of its link, for `GET …/by-link/:link`; for its seller and administrators. */
  shareLink?: string;
  /** What is sold, in a line. */
  title: string;
  /** When it was last changed. */
  updatedAt: Timestamp;
  /** How many were sold or wait for their payment; for its seller and administrators. */
  usageCount?: number;
}

/** What changed about a request (contract §1.4). */
export type RequestUpdateType = "status_changed" | "details_updated" | "offer_received" | "offer_withdrawn" | "payment_created" | "payment_confirmed" | "payment_failed" | "payment_refunded" | "dispute_opened" | "dispute_resolved";

/** An administrator's decision. */
export interface ResolveDispute {
  amount?: Amount | null;
  /** Why, for both parties: 1 to 2,000 characters. */
  note?: string | null;
  /** How it ends. */
  outcome: DisputeOutcome;
}

/** How a payout is tried again. */
export interface RetryPayout {
  /**
   * The caller has made sure that nothing was sent. Only with it is a payout that is `unknown`
   * handed over again; without it, the rail is asked again.
   */
  notSent?: boolean;
}

/** A review. */
export interface Review {
  /** The review. */
  _id: ReviewId;
  /** Who wrote it. */
  authorId: UserId;
  /** Their display name. */
  authorName: string;
  /** In words. */
  comment: string;
  /** When it was written. */
  createdAt: Timestamp;
  /** Stars, 1 to 5. */
  rating: number;
  /** The deal. */
  requestId: RequestId;
  /** Whom it is about. */
  subjectId: UserId;
}

export type ReviewId = string;

/** What a user is. */
export type Role = "buyer" | "seller" | "admin";

/** The name of a room. */
export type Room = string;

/** A client's event was refused and it had asked for no ack (contract §1.3). */
export interface RoomError {
  /** Why, for programs. */
  code: Refusal;
  /** The event that was refused. */
  event: string;
  /** Why, for people. */
  message: string;
  /** The room that it was about. */
  room?: Room;
}

/**
 * The rooms that an event may go to, like `request-<requestId>`; `*` is every socket, and no
 * room at all is the one socket that it is about.
 */
export interface RoomPatterns {
  /** With `REALTIME_ACCESS=open`. */
  open: string[];
  /** With `REALTIME_ACCESS=strict`. */
  strict: string[];
}

/** The figures of a moment. */
export interface Sample {
  /** When. */
  at: Timestamp;
  /** Packets sent a second since the sample before. */
  deliveriesPerSecond: number;
  /**
   * Milliseconds from commit to the sockets, on average since the sample before; 0 without
   * events.
   */
  latencyMs: number;
  /** Connected sockets. */
  sockets: number;
}

/** What a payment in play money comes to. */
export type SandboxOutcome = "paid" | "failed" | "partial" | "over" | "late";

/** Something happened to a seller's offer. */
export interface SellerOfferUpdate {
  /** The details. */
  data: OfferUpdateData;
  /** What happened. */
  eventType: OfferEventType;
  /** The request. */
  requestId: RequestId;
  /** Whose offer it is. */
  sellerId: UserId;
}

/** A message to be sent. */
export interface SendMessage {
  /** Files of the caller's own: 10 at most. */
  attachmentIds?: FileId[] | null;
  /** The sender's own id of the message, 1 to 100 characters: under it, it is sent once. */
  clientMessageId?: string | null;
  /** Its text, kept as it is: 10,000 characters at most, and not blank without attachments. */
  content: string;
}

/**
 * Greets a socket right after CONNECT. It carries an offset, so that a client that has seen no
 * other event can recover (contract §1.6).
 */
export interface Session {
  /** The server's time. */
  serverTime: Timestamp;
  /** Who the socket is authenticated as; absent for a socket without a token (`open` access). */
  userId?: UserId;
}

/** What one can register as; administrators are made on the command line. */
export type SignUpRole = "buyer" | "seller";

/** What a sign-in or a refresh gives. Both tokens also come as cookies. */
export interface SignedIn {
  /** For `Authorization: Bearer`; short-lived. */
  accessToken: string;
  /** For one `POST /api/auth/refresh-token`. */
  refreshToken: string;
  /** The account. */
  user: Account;
}

/** A checkout is paid. */
export interface TemplateCheckoutPaymentConfirmed {
  /** The checkout. */
  checkoutId: CheckoutId;
  /** The one payment for all of them. */
  paymentId: PaymentId;
  /** All the requests that it made. */
  requestIds: RequestId[];
}

/** A checkout came to nothing. */
export interface TemplateCheckoutPaymentFailed {
  /** The checkout. */
  checkoutId: CheckoutId;
  /** Why. */
  reason: string;
}

/** A checkout waits for its payment. */
export interface TemplateCheckoutPaymentPending {
  /** The checkout. */
  checkoutId: CheckoutId;
}

export type TemplateId = string;

/** A template, and how many of it. */
export interface TemplateItem {
  /** How many: 1 to 1,000. */
  quantity: number;
  /** The template. */
  templateId: TemplateId;
}

/** The whole of a deal on one line of time. */
export interface Timeline {
  /** Oldest first. */
  entries: TimelineEntry[];
}

/** A point of a deal's timeline. */
export interface TimelineEntry {
  /** When. */
  at: Timestamp;
  /** The event's payload, or the entry's accounts and amount. */
  detail: Record<string, unknown>;
  /** Where it is from. */
  kind: TimelineKind;
  /** The event's name, or what the ledger calls the transfer. */
  name: string;
}

/** Where a point of a timeline is from. */
export type TimelineKind = "event" | "ledger";

/** ISO 8601 in UTC with milliseconds. */
export type Timestamp = string;

/** A deal is done and paid. */
export interface TransactionCompleted {
  /** The price. */
  amount: Amount;
  /** Its currency. */
  currency: Currency;
  /** Its payment. */
  paymentId: PaymentId;
  /** The request. */
  requestId: RequestId;
}

/** The argument of `typing-start` and `typing-stop`. */
export interface Typing {
  /** The chat. */
  chatId: ChatId;
  /** Who is writing; needed in `open` access, otherwise known by the token. */
  userId?: UserId;
  /** Their display name, at most 200 characters. */
  userName?: string;
}

/** How many notifications the caller has not read. */
export interface UnreadCount {
  /** Never negative; what the newest `unread-count-update` told. */
  unreadCount: number;
}

/** The number of unread notifications changed. */
export interface UnreadCountUpdate {
  /** How many are unread; as `GET /api/notifications/unread-count` says. */
  unreadCount: number;
}

/** What the seller says about the shipment. Absent fields stay as they were. */
export interface UpdateDelivery {
  /** Who carries it: 1 to 100 characters. */
  carrier?: string | null;
  /** Where the shipment is. */
  status: DeliveryStatus;
  /** The carrier's number of it: 1 to 100 characters. */
  trackingNumber?: string | null;
}

/** Changes of a pending offer. Absent fields stay; `null` clears `validUntil`. */
export interface UpdateOffer {
  /** How long the delivery takes: 1 to 1,000 units. */
  deliveryTime?: DeliveryTime;
  /** The seller's words: 2,000 characters at most. */
  message?: string;
  /** The price of everything asked for, in the request's currency; more than zero. */
  price?: Money;
  validUntil?: Timestamp | null;
}

/** Changes of an open request. Absent fields stay; `null` clears what is optional. */
export interface UpdateRequest {
  /** What the buyer wants to spend; the currency stays while there are offers. */
  budget?: Budget;
  categoryId?: CategoryId | null;
  deliveryInfo?: DeliveryInfo | null;
  /** What is wanted, in full: 1 to 5,000 characters. */
  description?: string;
  offersUntil?: Timestamp | null;
  /** How many: 1 to 1,000,000. */
  quantity?: number;
  /** What is wanted, in a line: 3 to 200 characters. */
  title?: string;
  /** How soon. */
  urgency?: Urgency;
}

/**
 * Changes of a template. Absent fields stay; `null` clears what is optional. Deals that were
 * made of it stay as they are.
 */
export interface UpdateTemplate {
  categoryId?: CategoryId | null;
  /** How long the delivery takes: 1 to 1,000 units. */
  deliveryTime?: DeliveryTime;
  /** What is sold, in full: 5,000 characters at most. */
  description?: string;
  expiresAt?: Timestamp | null;
  /** How many can be sold in all, not fewer than were; 1 to 1,000,000. */
  maxUsage?: number | null;
  /** The price of one; more than zero. */
  price?: Money;
  /** What kind of thing it is. */
  productType?: ProductType;
  /** What is sold, in a line: 3 to 150 characters. */
  title?: string;
}

/** How soon it is wanted. */
export type Urgency = "low" | "medium" | "high" | "urgent";

export type UserId = string;

/** Whether a user is online. */
export interface UserPresence {
  /** When the user was last there: now, for who is. Absent for who never was. */
  lastSeen?: Timestamp;
  /** Online or offline; offline also for who was never there. */
  status: OnlineStatus;
  /** The user. */
  userId: UserId;
}

/** A user came or went. */
export interface UserStatusChange {
  /** When the user was last online; now, for who is. */
  lastSeen: Timestamp;
  /** Online or offline. */
  status: OnlineStatus;
  /** The user. */
  userId: UserId;
}

/** Somebody is writing, or stopped. The sender's own socket is left out by whoever sends it. */
export interface UserTyping {
  /** The chat. */
  chatId: ChatId;
  /** Whether they are writing. */
  isTyping: boolean;
  /** Who is writing. */
  userId: UserId;
  /** Their display name. */
  userName?: string;
}

/** What a confirmation led to. */
export interface WalletConfirmation {
  /** The payment as it is now. */
  payment: Payment;
  /** The transaction. */
  transaction: WalletTransaction;
}

/** How to pay, and how far it is. */
export interface WalletIntent {
  /** How much. */
  amount: Amount;
  /** The same in the token's smallest units. */
  amountBaseUnits: string;
  /** The chain (EIP-155). */
  chainId: number;
  /** Its currency. */
  currency: Currency;
  /** What of that is still to be sent: less than all after a transaction that brought too little. */
  dueBaseUnits: string;
  /** It is to be paid until then. */
  expiresAt?: Timestamp;
  /** What the wallet has to sign before a transaction can be confirmed. */
  message: string;
  /** Whom to pay: a plain transfer of the token, or of the coin, to this address. */
  payee: string;
  /** The payment. */
  paymentId: PaymentId;
  /** What to pay with. */
  token: WalletToken;
  /** The transactions that were confirmed so far, oldest first. */
  transactions: WalletTransaction[];
  /** The payment as a link that wallets open (EIP-681). */
  uri: string;
  /** The wallet that pays. */
  wallet: string;
  /** Whether it has signed `message`. */
  walletProven: boolean;
}

/** A token, or the chain's own coin. */
export interface WalletToken {
  /** Its contract; absent for the chain's own coin. */
  address?: string;
  /** The currency of the deals that it pays, one unit for one. */
  currency: Currency;
  /** Its decimal places on the chain. */
  decimals: number;
  /** Its name in requests. */
  symbol: string;
}

/** What may be paid with. */
export interface WalletTokens {
  /** The chain (EIP-155). */
  chainId: number;
  /** Its tokens. */
  tokens: WalletToken[];
}

/** A transaction that was submitted. */
export interface WalletTransaction {
  /** How many blocks deep it was when the chain was last asked. */
  confirmations: number;
  /** How many it has to be; absent where the chain itself says when it is final. */
  confirmationsNeeded?: number;
  /** Why it is rejected or dropped. */
  reason?: string;
  /** Where it stands. */
  status: WalletTransactionStatus;
  /** The transaction. */
  txHash: string;
}

/** Where it stands. */
export type WalletTransactionStatus = "pending" | "seen" | "confirmed" | "final" | "rejected" | "dropped";

/** An endpoint. */
export interface Webhook {
  /** The endpoint. */
  _id: WebhookId;
  /** False after the endpoint answered 410 (it wants no more). */
  active: boolean;
  /** When it was made. */
  createdAt: Timestamp;
  /** For the administrators. */
  description: string;
  /** The names of the events that are sent; absent where all are. */
  events?: string[];
  /** Failed tries since the last success. */
  failures: number;
  /** Where events are sent. */
  url: string;
}

/** One event for one endpoint. */
export interface WebhookDelivery {
  /** The delivery. */
  _id: WebhookDeliveryId;
  /** How often it was tried. */
  attempts: number;
  /** When it was made. */
  createdAt: Timestamp;
  /** Why there was no answer. */
  error?: string;
  /** The event. */
  event: string;
  /** When it was delivered or given up. */
  finishedAt?: Timestamp;
  /** `webhook-id` of the message, the same for every try. */
  messageId: string;
  /** The status of the last answer. */
  responseStatus?: number;
  /** Where it stands. */
  status: WebhookDeliveryStatus;
  /** The endpoint. */
  webhookId: WebhookId;
}

export type WebhookDeliveryId = string;

/** Where a delivery stands. */
export type WebhookDeliveryStatus = "pending" | "delivered" | "dead";

export type WebhookId = string;
