"""A mail server for tests, of Debian's package python3-aiosmtpd: it asks for a password, and for encryption, and keeps what it takes.

What it takes is one JSON file for each mail in FOLDER, numbered in the order of arrival. It refuses recipients that are called
`unknown` for good (550) and defers those that are called `busy` the first time (451).
"""

import json
import os
import signal
import ssl
import sys
import threading
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Inbox:
    def __init__(self, folder):
        self.folder = folder
        self.deferred = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "unknown":
            return "550 5.1.1 no such user here"
        if name == "busy" and address not in self.deferred:
            self.deferred.add(address)
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        part = lambda kind: message.get_body((kind,)).get_content() if message.get_body((kind,)) else ""
        mail = {
            "from": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": part("plain"),
            "html": part("html"),
            "encrypted": session.ssl is not None or self.encrypted,
            "user": (session.auth_data or ""),
        }
        number = len(os.listdir(self.folder))
        path = os.path.join(self.folder, f"{number:06}.json")
        with open(path + ".part", "w") as file:
            json.dump(mail, file)
        os.rename(path + ".part", path)
        return "250 2.0.0 taken as %06d" % number


def authenticate(server, session, envelope, mechanism, auth_data):
    right = (auth_data.login, auth_data.password) == (b"tandem", b"p@ss word")
    return AuthResult(success=right, handled=right, auth_data=f"{mechanism} tandem")


def main():
    folder, port, security, certificate, key = sys.argv[1:6]
    inbox = Inbox(folder)
    inbox.encrypted = security == "tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    options = {"ssl_context": context} if security == "tls" else {}
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if security != "open":
        # Where it is encrypted from the first byte, the library does not see that it is.
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": security == "starttls"}
    if security == "tls":
        options["server_kwargs"] = {"auth_exclude_mechanism": ["PLAIN"]}
    controller = Controller(inbox, hostname="127.0.0.1", port=int(port), **options)
    controller.start()
    print("ready", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Event().wait()


main()
