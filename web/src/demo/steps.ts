// The deal as the demo walks it: which step is next, whose it is, and what it does.
import type { Party, Role } from "./party";

export const STEPS = ["Request", "Offer", "Accept", "Pay", "Ship", "Hand over", "Confirm", "Payout"] as const;

/** How many steps are done, as far as either side knows. */
export function progress(buyer: Party, seller: Party): number {
  return Math.max(...[buyer, seller].map(({ request }) => done(request.value?.status, seller)));
}

function done(status: string | undefined, seller: Party): number {
  switch (status) {
    case undefined: return 0;
    case "active": return 1;
    case "received_offers": return 2;
    case "payment": case "pending_payment": return 3;
    case "processing": return 4;
    case "delivery": return 5;
    case "delivered": return 6;
    case "completed": return seller.payout.value?.status === "completed" ? 8 : 7;
    default: return 0;
  }
}

/** Whose turn it is, and what they would do; undefined where the deal goes on by itself. */
export function turn(done: number, hasCode: boolean): { role: Role; label: string } | undefined {
  switch (done) {
    case 0: return { role: "buyer", label: "Publish the request" };
    case 1: return { role: "seller", label: "Make an offer" };
    case 2: return { role: "buyer", label: "Accept the offer" };
    case 3: return { role: "buyer", label: "Pay into escrow" };
    case 4: return { role: "seller", label: "Ship it" };
    case 5: return hasCode ? { role: "buyer", label: "Enter the code" } : { role: "seller", label: "Show a delivery code" };
    case 6: return { role: "buyer", label: "Confirm and release" };
    default: return undefined;
  }
}

/** The request of the form, or of a deal that plays itself. */
export interface Wish {
  title: string;
  description: string;
  max: string;
}
export const WISH: Wish = { title: "Two mechanical keyboards", description: "ISO layout, brown switches, for a small studio.", max: "250.00" };

export async function publish(buyer: Party, seller: Party, wish: Wish): Promise<void> {
  const request = await buyer.step<{ _id: string }>("POST /api/marketplace/purchase-requests", {
    body: {
      title: wish.title,
      description: wish.description,
      productType: "physical",
      quantity: 1,
      budget: { min: "1.00", max: wish.max, currency: "USD" },
      urgency: "medium",
      // The demo's own seller alone, so that nobody else is bothered.
      preferredSellerIds: [seller.id],
    },
  });
  await buyer.follow(request._id, seller.id);
}

export async function offer(seller: Party, amount: string, message: string): Promise<void> {
  const id = seller.request.value?._id ?? "";
  await seller.step("POST /api/marketplace/purchase-requests/{id}/offers", {
    path: { id },
    body: { price: { amount, currency: "USD" }, deliveryTime: { amount: 3, unit: "days" }, message },
  });
}

export async function accept(buyer: Party, offerId: string): Promise<void> {
  await buyer.step("POST /api/marketplace/offers/{id}/accept", { path: { id: offerId } });
}

export async function pay(buyer: Party): Promise<void> {
  const accepted = buyer.offers.value.find(({ status }) => status === "accepted");
  const payment = await buyer.step<{ _id: string }>("POST /api/payment/sandbox/intents", {
    body: { purchaseRequestId: buyer.request.value?._id, sellerOfferId: accepted?._id },
  });
  await buyer.step("POST /api/payment/sandbox/{id}/pay", { path: { id: payment._id }, body: { outcome: "paid" } });
}

export async function ship(seller: Party, trackingNumber: string): Promise<void> {
  await seller.step("PUT /api/marketplace/purchase-requests/{id}/delivery", {
    path: { id: seller.request.value?._id ?? "" },
    body: { status: "shipped", carrier: "CTT", trackingNumber },
  });
}

/** Makes a code; its holder sees it. */
export async function makeCode(seller: Party): Promise<void> {
  const { deliveryCode } = await seller.step<{ deliveryCode?: string }>(
    "POST /api/marketplace/purchase-requests/{id}/delivery-code/generate",
    { path: { id: seller.request.value?._id ?? "" } },
  );
  if (deliveryCode) seller.code.value = deliveryCode;
}

export async function enterCode(buyer: Party, code: string): Promise<void> {
  await buyer.step("POST /api/marketplace/purchase-requests/{id}/delivery-code/verify", {
    path: { id: buyer.request.value?._id ?? "" },
    body: { code },
  });
}

export async function confirmDelivery(buyer: Party): Promise<void> {
  await buyer.step("POST /api/marketplace/purchase-requests/{id}/confirm-delivery", { path: { id: buyer.request.value?._id ?? "" } });
}

/** What an event says, for people. */
export function saying(name: string, payload: Record<string, unknown>): string {
  const text = (field: string) => String(payload[field] ?? "").replace(/_/g, " ");
  switch (name) {
    case "new-purchase-request": return `A buyer wants: ${text("title")}`;
    case "new-offer": {
      const price = (payload["offer"] as { price?: { amount: string; currency: string } } | undefined)?.price;
      return `A new offer: ${price?.amount} ${price?.currency}`;
    }
    case "seller-offer-update": return `Your offer: ${text("eventType").replace(/-/g, " ")}`;
    case "purchase-request-update": return `The request: ${text("type")}${payload["status"] ? ` (${text("status")})` : ""}`;
    case "payment-created": return `A payment was begun: ${text("amount")} ${text("currency")}`;
    case "payment-update": return `The payment is ${text("status")}${payload["escrowState"] ? `, escrow ${text("escrowState")}` : ""}`;
    case "payment-received": return `${text("amount")} ${text("currency")} are in escrow`;
    case "delivery-update": return `The parcel is ${text("status")}`;
    case "delivery-code-generated": return payload["deliveryCode"] ? "The delivery code is here" : "There is a delivery code";
    case "delivery-confirmed": return "The right code was entered";
    case "buyer-confirmed-delivery": return "The buyer has the goods";
    case "transaction-completed": return `Deal done: ${text("amount")} ${text("currency")}`;
    case "payout-created": return `A payout is on its way: ${text("amount")} ${text("currency")}`;
    case "payout-updated": return `The payout is ${text("status")}`;
    case "payout-completed": return "The payout has arrived";
    case "new-message": return "A new message";
    case "new-notification": return `Notification: ${(payload["notification"] as { title?: string } | undefined)?.title ?? ""}`;
    case "unread-count-update": return `${text("unreadCount")} unread`;
    case "level-up": return `Level up: ${text("newLevel")}`;
    default: return name.replace(/-/g, " ");
  }
}
