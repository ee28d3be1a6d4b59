"""Mails of accounts and notifications, sent to a real mail server."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import pytest
import trustme
from server import LOGIN, PATIENCE, MailServer, context

PASSWORD = "correct horse battery staple"
USER = "souk:a%20password%20of%20mail@"


class Souk:
    def __init__(self, folder, url, authority=None):
        environment = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DATABASE_URL": f"sqlite:{folder / 'souk.db'}",
            "FRONTEND_URL": "https://shop.example",
            "SMTP_URL": url,
            "SMTP_FROM": "The Souk <souk@shop.example>",
            **({"SMTP_CA_FILE": str(authority)} if authority else {}),
        }
        self.log = folder / "souk.log"
        with open(self.log, "wb") as log:
            self.program = subprocess.Popen(
                [os.environ["SOUK_BIN"]],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.program.stdout.readline()
        assert " on " in line, self.log.read_text()
        self.url = line.split(" on ")[1].strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.kill()
        self.program.wait()
        self.program.stdout.close()

    def call(self, path, body=None, token=None, method=None):
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def register(self, role="buyer", name="Zoë ☕ de Souza"):
        email = f"{role}-{uuid.uuid4()}@example.com"
        body = {"email": email, "password": PASSWORD, "name": name, "role": role}
        account = self.call("/api/auth/register", body)
        return account["user"]["email"], account["accessToken"]

    def says(self, words):
        """Waits until the log has these words."""
        end = time.monotonic() + PATIENCE
        while words not in self.log.read_text():
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)


def link_token(mail, page):
    text = mail.get_body(("plain",)).get_content()
    return re.search(rf"https://shop\.example/auth/jwt/{page}\?token=(\S+)", text)[1]


def test_the_links_of_accounts_arrive_and_work(tmp_path):
    with MailServer() as box, Souk(tmp_path, f"smtp://127.0.0.1:{box.port}") as souk:
        email, token = souk.register()
        sender, to, mail, _ = box.next()
        assert (sender, to) == ("souk@shop.example", [email])
        assert (mail["from"], mail["to"]) == ("The Souk <souk@shop.example>", email)
        assert mail["subject"] == "Confirm your e-mail address"
        assert mail["date"] and mail.get_content_type() == "text/plain"
        assert mail.get_content_charset() == "utf-8"
        assert "Hello Zoë ☕ de Souza," in mail.get_body().get_content()
        assert souk.call("/api/auth/me", token=token)["emailVerified"] is False
        souk.call("/api/auth/verify-email", {"token": link_token(mail, "verify-email")})
        assert souk.call("/api/auth/me", token=token)["emailVerified"] is True

        souk.call("/api/auth/forgot-password", {"email": email})
        _, to, mail, _ = box.next()
        assert (to, mail["subject"]) == ([email], "Set a new password")
        new = {"token": link_token(mail, "reset-password"), "newPassword": PASSWORD + "!"}
        souk.call("/api/auth/reset-password", new)
        souk.call("/api/auth/login", {"email": email, "password": PASSWORD + "!"})
        assert box.mails.empty()
        # Without a user, the server is not asked for anything but to take a mail.
        assert set(box.commands) == {"EHLO", "DATA"}


def test_notifications_come_by_mail_to_those_who_asked(tmp_path):
    with MailServer() as box, Souk(tmp_path, f"smtp://127.0.0.1:{box.port}") as souk:
        email, buyer = souk.register()
        _, _, mail, _ = box.next()
        souk.call("/api/auth/verify-email", {"token": link_token(mail, "verify-email")})
        wanted = {"offers": {"inApp": True, "mail": True}}
        souk.call("/api/notifications/preferences", wanted, buyer, "PUT")
        _, seller = souk.register("seller")
        assert box.next()[2]["subject"] == "Confirm your e-mail address"
        request = {
            "title": "Två röda lampor",
            "description": "For a desk",
            "productType": "physical",
            "quantity": 1,
            "budget": {"min": "20.00", "max": "35.00", "currency": "USD"},
            "urgency": "medium",
        }
        requests = "/api/marketplace/purchase-requests"
        request = souk.call(requests, request, buyer)["_id"]
        offer = {
            "price": {"amount": "30.00", "currency": "USD"},
            "deliveryTime": {"amount": 3, "unit": "days"},
            "message": "I have one",
        }
        souk.call(f"{requests}/{request}/offers", offer, seller)
        _, to, mail, _ = box.next()
        assert (to, mail["subject"]) == ([email], "A new offer")
        assert "30.00 USD for “Två röda lampor”" in mail.get_body().get_content()
        assert box.commands.count("DATA") == 3 and box.mails.empty()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    authority = trustme.CA()
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(file)
    authority.file = file
    return authority


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue_cert("127.0.0.1")


def test_starttls_and_a_password(tmp_path, authority, certificate):
    with MailServer(starttls=context(certificate), login=True) as box:
        url = f"smtp://{USER}127.0.0.1:{box.port}"
        with Souk(tmp_path, url, authority.file) as souk:
            email, _ = souk.register()
            _, to, _, session = box.next()
        assert to == [email] and session.ssl and session.authenticated
        assert box.authorised == [LOGIN]
        assert box.commands == ["EHLO", "EHLO over TLS", "AUTH", "DATA"]


def test_tls_from_the_start(tmp_path, authority, certificate):
    with MailServer(tls=context(certificate), login=True) as box:
        url = f"smtps://{USER}127.0.0.1:{box.port}"
        with Souk(tmp_path, url, authority.file) as souk:
            email, _ = souk.register()
            assert box.next()[1] == [email]
        assert box.authorised == [LOGIN]


def test_a_password_never_goes_out_in_clear(tmp_path):
    with MailServer(login=True) as box:
        with Souk(tmp_path, f"smtp://{USER}127.0.0.1:{box.port}") as souk:
            souk.register()
            souk.says("mail not accepted")
        assert box.commands == ["EHLO"] and box.mails.empty()


def test_unless_that_is_asked_for(tmp_path):
    with MailServer(login=True) as box:
        with Souk(tmp_path, f"smtp://{USER}127.0.0.1:{box.port}?tls=none") as souk:
            email, _ = souk.register()
            assert box.next()[1] == [email]
        assert box.commands == ["EHLO", "AUTH", "DATA"]


def test_a_server_that_nobody_vouches_for_is_not_believed(tmp_path, certificate):
    with MailServer(starttls=context(certificate), login=True) as box:
        with Souk(tmp_path, f"smtp://{USER}127.0.0.1:{box.port}") as souk:
            souk.register()
            souk.says("mail not accepted")
        assert box.commands == ["EHLO"] and box.mails.empty()


def test_a_wrong_password_is_told_and_not_written_down(tmp_path, authority, certificate):
    with MailServer(starttls=context(certificate), login=True) as box:
        url = f"smtp://souk:wrong-word@127.0.0.1:{box.port}"
        with Souk(tmp_path, url, authority.file) as souk:
            souk.register()
            souk.says("mail not accepted")
            assert "wrong-word" not in souk.log.read_text()
        assert "DATA" not in box.commands and box.mails.empty()


@pytest.mark.parametrize("url", ["smtp://", "http://mail", "smtp://mail?tls=perhaps"])
def test_a_wrong_setting_is_told_at_the_start(tmp_path, url):
    with pytest.raises(AssertionError, match="SMTP_URL"):
        Souk(tmp_path, url)
