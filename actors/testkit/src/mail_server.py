"""The mail server of the tests, on loopback. Prints its port, then each letter that it was given as a line of JSON.

Whom a letter is for says what becomes of it. `busy…` is told to come again the first time; `later…`, `gone…` and `silent…`
get their code like anybody, and then the first tip is to come again, or is refused, or is taken and the connection cut before
the answer. `refused…` is nobody.
"""

import asyncio
import email
import email.policy
import json

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self):
        self.seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 nobody by that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        (to,) = envelope.rcpt_tos
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        fate = to.split("@")[0]
        is_code = "your code" in letter["subject"]
        first = to not in self.seen
        if fate.startswith("busy") or not is_code:
            self.seen.add(to)
        verdict = 250
        if first and fate.startswith("busy") or first and fate.startswith("later") and not is_code:
            verdict = 451
        elif fate.startswith("gone") and not is_code:
            verdict = 550
        told = {
            "to": to,
            "verdict": verdict,
            "from": letter["from"],
            "subject": letter["subject"],
            "headers": {name.lower(): str(value) for name, value in letter.items()},
            "text": letter.get_body(("plain",)).get_content(),
            "html": letter.get_body(("html",)).get_content(),
        }
        print(json.dumps(told), flush=True)
        if fate.startswith("silent") and not is_code:
            server.transport.abort()
        return f"{verdict} so be it"


async def main():
    handler = Handler()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
