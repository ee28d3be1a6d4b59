"""A running Souk with the demo marketplace in it, and what each of its people may name."""

import json
import os
import subprocess
import urllib.request
import uuid

PATIENCE = 30
PASSWORD = "souk demo password"
MARKET = "/api/marketplace"
# One grey pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a494441"
    "54789c636000000002000148afa4710000000049454e44ae426082"
)

# What stands for the first id of a path: the longest beginning decides.
PLACES = {
    f"{MARKET}/purchase-requests/": "requests",
    f"{MARKET}/purchase-requests/{{id}}": "open",
    f"{MARKET}/purchase-requests/{{id}}/cancel": "open",
    f"{MARKET}/purchase-requests/{{id}}/offers": "open",
    f"{MARKET}/purchase-requests/{{id}}/delivery": "paid",
    f"{MARKET}/purchase-requests/{{id}}/delivery-code/": "shipped",
    f"{MARKET}/purchase-requests/{{id}}/confirm-delivery": "delivered",
    f"{MARKET}/purchase-requests/{{id}}/review": "completed",
    f"{MARKET}/offers/": "pending",
    f"{MARKET}/request-templates/": "templates",
    f"{MARKET}/request-templates/by-link/": "links",
    f"{MARKET}/template-checkout/": "checkouts",
    f"{MARKET}/sellers/": "sellers",
    "/api/users/": "users",
    "/api/chat/": "chats",
    "/api/disputes/": "disputes",
    "/api/files/": "files",
    "/api/notifications/": "notifications",
    "/api/payment/": "payments",
    "/api/payment/payouts/": "payouts",
    "/api/webhooks/": "webhooks",
    "/api/webhooks/deliveries/": "deliveries",
    "/api/console/deals/": "requests",
}
# Other parameters and fields of bodies, by name.
FIELDS = {
    "messageId": "messages",
    "userId": "users",
    "purchaseRequestId": "requests",
    "sellerOfferId": "offers",
    "sellerId": "sellers",
    "paymentId": "payments",
    "checkoutId": "checkouts",
    "templateId": "templates",
    "categoryId": "categories",
    "avatarId": "files",
    "attachmentIds": "files",
    "userIds": "users",
    "participantIds": "users",
    "preferredSellerIds": "sellers",
    "upToMessageId": "messages",
    "code": "codes",
    "url": "hooks",
    "ids": "users",
}
# The two have to go together.
INTENTS = {
    "/api/payment/sandbox/intents": {
        "purchaseRequestId": "payable",
        "sellerOfferId": "payable offer",
        "checkoutId": "payable checkout",
    },
    "/api/disputes": {"purchaseRequestId": "paid"},
}
LISTS = {"attachmentIds", "userIds", "participantIds", "preferredSellerIds"}


def kind_of(path, name):
    """The kind of thing that a parameter or a field names; none for the rest."""
    if path in INTENTS and name in INTENTS[path]:
        return INTENTS[path][name]
    if name in ("id", "link"):
        places = [place for place in PLACES if path.startswith(place)]
        return PLACES[max(places, key=len)] if places else None
    return FIELDS.get(name)


class Souk:
    """The program on a database in `folder`."""

    def __init__(self, folder, settings):
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DATABASE_URL": f"sqlite:{folder / 'souk.db'}",
            # One address asks for everything here.
            "AUTH_ATTEMPTS_PER_MINUTE": "0",
            **settings,
        }
        self.folder = folder

    def run(self, *words):
        program = [os.environ["SOUK_BIN"], *words]
        subprocess.run(
            program, cwd=self.folder, env=self.environment, check=True, stdout=subprocess.DEVNULL
        )

    def __enter__(self):
        self.log = open(self.folder / "souk.log", "wb")
        self.program = subprocess.Popen(
            [os.environ["SOUK_BIN"]],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.url = self.program.stdout.readline().split(" on ")[1].strip()
        return self

    def __exit__(self, *_):
        self.program.kill()
        self.program.wait()
        self.program.stdout.close()
        self.log.close()


class Person:
    """Somebody of the demo who is signed in."""

    def __init__(self, souk, name):
        self.souk = souk
        self.credentials = {"email": f"{name}@demo.souk.example", "password": PASSWORD}
        self.token = self.sign_in()

    def sign_in(self):
        return self.call("/api/auth/login", self.credentials, signed=False)["data"]["accessToken"]

    def call(self, path, body=None, method=None, signed=True, kind="application/json"):
        headers = {"authorization": f"Bearer {self.token}"} if signed else {}
        if body is not None:
            headers["content-type"] = kind
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.souk.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def do(self, path, body=None, method="POST"):
        return self.call(path, body, method)["data"]

    def ids(self, path):
        return [row["_id"] for row in self.call(f"{path}?limit=50")["data"]]

    def upload(self):
        """An own file that nothing uses yet."""
        form = (
            b'--part\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
            + PNG
            + b"\r\n--part--\r\n"
        )
        kind = "multipart/form-data; boundary=part"
        return self.call("/api/files", form, kind=kind)["data"]["_id"]

    def knows(self, deals):
        """What there is that this person may name, by its kind."""
        me = self.call("/api/auth/me")["data"]
        requests, chats = self.ids(f"{MARKET}/purchase-requests"), self.ids("/api/chat")
        sellers = self.ids(f"{MARKET}/sellers")
        payments = self.call("/api/payment?limit=50")["data"]
        admin = Person(self.souk, "admin")
        templates = admin.call(f"{MARKET}/request-templates?limit=50")["data"]
        known = {
            "requests": requests,
            "offers": [o for r in requests for o in self.ids(f"{MARKET}/purchase-requests/{r}/offers")],
            "chats": chats,
            "messages": [m for c in chats for m in self.ids(f"/api/chat/{c}/messages")],
            "sellers": sellers,
            "users": [me["_id"], *sellers],
            "disputes": self.ids("/api/disputes"),
            "payments": [payment["_id"] for payment in payments],
            "checkouts": [p["checkoutId"] for p in payments if "checkoutId" in p],
            "payouts": self.ids("/api/payment/payouts"),
            "notifications": self.ids("/api/notifications"),
            "categories": [row["_id"] for row in self.call(f"{MARKET}/categories")["data"]],
            "templates": [template["_id"] for template in templates],
            "links": [template["shareLink"] for template in templates],
            "files": [self.upload() for _ in range(20)],
            **deals,
            # Reserved names: what is sent there goes nowhere.
            "hooks": [f"https://{name}.invalid/souk" for name in ("a", "b", "c")],
        }
        if me["role"] == "admin":
            hook = {"url": "https://d.invalid/souk", "events": ["payment-update"]}
            known["webhooks"] = [self.do("/api/webhooks", hook)["_id"] for _ in range(10)]
        return known


STEPS = ["pending", "accepted", "paid", "shipped", "delivered", "completed"]


def deals(buyer, seller):
    """More deals of two people, by how far they are: ids of requests, and what else they need."""
    made = {step: [deal(buyer, seller, index) for _ in range(8)] for index, step in enumerate(STEPS)}
    requests = {step: [deal["request"] for deal in of] for step, of in made.items()}
    template = seller.call(f"{MARKET}/request-templates")["data"][0]
    items = [{"templateId": template["_id"], "quantity": 1}]
    checkout = buyer.do(f"{MARKET}/template-checkout", {"items": items})
    return {
        **requests,
        "open": requests["pending"],
        "pending": [deal["offer"] for deal in made["pending"]],
        "codes": [deal["code"] for deal in made["shipped"]],
        "payable": requests["accepted"][:1],
        "payable offer": [made["accepted"][0]["offer"]],
        "payable checkout": [checkout["_id"]],
    }


def deal(buyer, seller, steps):
    request = buyer.do(
        f"{MARKET}/purchase-requests",
        {
            "title": "A red lamp",
            "description": "For a desk",
            "productType": "physical",
            "quantity": 1,
            "budget": {"min": "20.00", "max": "35.00", "currency": "USD"},
            "urgency": "medium",
        },
    )["_id"]
    path = f"{MARKET}/purchase-requests/{request}"
    offer = seller.do(
        f"{path}/offers",
        {
            "price": {"amount": "30.00", "currency": "USD"},
            "deliveryTime": {"amount": 3, "unit": "days"},
            "message": "I have one",
        },
    )["_id"]
    code = None
    if steps > 0:
        buyer.do(f"{MARKET}/offers/{offer}/accept")
    if steps > 1:
        named = {"purchaseRequestId": request, "sellerOfferId": offer}
        payment = buyer.do("/api/payment/sandbox/intents", named)
        buyer.do(f"/api/payment/sandbox/{payment['_id']}/pay", {})
    if steps > 2:
        seller.do(f"{path}/delivery", {"status": "shipped"}, "PUT")
        code = seller.do(f"{path}/delivery-code/generate")["deliveryCode"]
    if steps > 3:
        buyer.do(f"{path}/delivery-code/verify", {"code": code})
    if steps > 4:
        buyer.do(f"{path}/confirm-delivery")
    return {"request": request, "offer": offer, "code": code}
