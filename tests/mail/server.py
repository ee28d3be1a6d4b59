"""A mail server that keeps what it gets."""

import asyncio
import queue
import ssl
import threading
from email import message_from_bytes
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

PATIENCE = 30
LOGIN = LoginPassword(b"souk", b"a password of mail")


class Mailbox:
    """What came, and what was said on the way."""

    def __init__(self):
        self.mails = queue.Queue()
        # The names of the commands, of all sessions.
        self.commands = []
        self.authorised = []

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.commands.append("EHLO over TLS" if session.ssl else "EHLO")
        session.host_name = hostname
        return responses

    async def handle_DATA(self, server, session, envelope):
        self.commands.append("DATA")
        mail = message_from_bytes(envelope.content, policy=default)
        self.mails.put((envelope.mail_from, envelope.rcpt_tos, mail, session))
        return "250 OK"

    def authenticate(self, server, session, envelope, mechanism, data):
        self.commands.append("AUTH")
        self.authorised.append(data)
        return AuthResult(success=data == LOGIN, handled=data == LOGIN)

    def next(self):
        """The next mail: who sent it, to whom, and what it says."""
        return self.mails.get(timeout=PATIENCE)


def context(certificate):
    """What the server needs to be believed by who trusts the certificate's authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)
    return tls


class MailServer:
    """`with` it, mails to its port arrive in the mailbox."""

    def __init__(self, starttls=None, tls=None, login=False):
        self.box = Mailbox()
        self.tls = tls
        self.settings = {
            "authenticator": self.box.authenticate,
            "auth_required": login,
            # Who sends a password in clear is to be caught at it.
            "auth_require_tls": False,
            "enable_SMTPUTF8": True,
        }
        if starttls:
            self.settings |= {"tls_context": starttls, "require_starttls": True}

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

        async def listen():
            def session():
                return SMTP(self.box, **self.settings)

            return await self.loop.create_server(session, "127.0.0.1", 0, ssl=self.tls)

        self.server = asyncio.run_coroutine_threadsafe(listen(), self.loop).result(PATIENCE)
        self.box.port = self.server.sockets[0].getsockname()[1]
        return self.box

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
