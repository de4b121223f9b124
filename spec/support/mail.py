"""A mail server with STARTTLS and authentication: writes each message down as a JSON line.

    mail.py PORT FILE CERTIFICATE KEY tls|starttls METHODS

METHODS: PLAIN, LOGIN or both, with a comma. The account is `agent`, its password `mail-pass`.
"""

import json
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

PORT, FILE, CERTIFICATE, KEY, TLS, METHODS = sys.argv[1:7]


class Handler:
    async def handle_DATA(self, _server, session, envelope):
        with open(FILE, "a") as out:
            out.write(json.dumps({
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "content": envelope.content.decode(),
                "tls": session.ssl is not None or TLS == "tls",
                "authenticated": session.authenticated,
            }) + "\n")
        return "250 OK"


def authenticate(_server, _session, _envelope, _mechanism, data):
    right = data.login == b"agent" and data.password == b"mail-pass"
    return AuthResult(success=right, handled=False)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(CERTIFICATE, KEY)


class Mail(Controller):
    def factory(self):
        excluded = [method for method in ("PLAIN", "LOGIN") if method not in METHODS.split(",")]
        return SMTP(self.handler, hostname="mail.test", auth_required=True, authenticator=authenticate,
                    auth_exclude_mechanism=excluded, require_starttls=TLS == "starttls",
                    auth_require_tls=TLS == "starttls",
                    tls_context=context if TLS == "starttls" else None)


controller = Mail(Handler(), hostname="127.0.0.1", port=int(PORT), ssl_context=context if TLS == "tls" else None)
controller.start()
while True:
    time.sleep(60)
