// What the compiler has to accept and to refuse; `tsc` checks it, nothing runs it.
import { expectTypeOf } from "expect-type";
import { JOINS } from "souk-client";
import type { Ack, Api, NewOffer, Page, PurchaseRequest, Realtime, SignedIn } from "souk-client";
import type { ConnectionState } from "souk-client";
import { useConnection, useRequest, useUnreadCount } from "souk-client/react";

declare const api: Api;
declare const realtime: Realtime;

// Routes: what they give.
expectTypeOf(api("GET /api/marketplace/purchase-requests/{id}", { path: { id: "1" } })).resolves.toEqualTypeOf<PurchaseRequest>();
expectTypeOf(api("GET /api/marketplace/purchase-requests")).resolves.toEqualTypeOf<Page<PurchaseRequest>>();
expectTypeOf(
  api("POST /api/auth/login", { body: { email: "a@b.example", password: "x" } }),
).resolves.toEqualTypeOf<SignedIn>();

// Routes: what they take.
// @ts-expect-error there is no such route
void api("GET /api/nothing");
// @ts-expect-error the path's id is missing
void api("GET /api/marketplace/purchase-requests/{id}");
// @ts-expect-error the body is missing
void api("POST /api/auth/login");
// @ts-expect-error a field of the body has another type
void api("POST /api/auth/login", { body: { email: 1, password: "x" } });
// @ts-expect-error an unknown field of the body
void api("POST /api/auth/login", { body: { email: "a@b.example", password: "x", remember: true } });
// @ts-expect-error an unknown parameter of the query
void api("GET /api/marketplace/purchase-requests", { query: { order: "x" } });
// @ts-expect-error no key for what is not idempotent
void api("POST /api/auth/login", { body: { email: "a@b.example", password: "x" }, idempotencyKey: "k" });

// What the server sends.
realtime.on("new-offer", (payload) => expectTypeOf(payload).toEqualTypeOf<NewOffer>());
expectTypeOf(realtime.once("unread-count-update")).resolves.toEqualTypeOf<{ unreadCount: number }>();
realtime.on("seller-offer-update", ({ eventType }) => {
  expectTypeOf(eventType).toEqualTypeOf<"payment-completed" | "offer-rejected" | "offer-accepted">();
});
// @ts-expect-error there is no such event
realtime.on("new-offers", () => undefined);

// What clients send.
expectTypeOf(realtime.emit("join-chat-room", "1")).resolves.toEqualTypeOf<Ack>();
void realtime.emit("typing-start", { chatId: "1" });
// @ts-expect-error the argument has another type
void realtime.emit("typing-start", "1");
// @ts-expect-error the argument is missing
void realtime.emit("join-chat-room");
// @ts-expect-error it joins nothing
void realtime.join("typing-start", "1");
expectTypeOf(JOINS["join-chat-room"]).toEqualTypeOf<"leave-chat-room">();
expectTypeOf(JOINS["user-online"]).toEqualTypeOf<null>();

// Hooks.
expectTypeOf(useConnection).returns.toEqualTypeOf<ConnectionState>();
expectTypeOf(useUnreadCount).returns.toEqualTypeOf<number | undefined>();
expectTypeOf(useRequest).parameters.toEqualTypeOf<[id: string]>();
