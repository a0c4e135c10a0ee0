#!/usr/bin/env python3
"""Sends the letter on standard input to the lab's Postfix.

usage: submit.py PORT SENDER RECIPIENT [CA USER PASSWORD]

With CA, USER and PASSWORD: over TLS and logged in, as a mail program does. Without: as a foreign server does.
"""

import smtplib
import ssl
import sys


def main() -> None:
    port, sender, recipient, *account = sys.argv[1:]
    letter = sys.stdin.buffer.read()
    if account:
        ca, user, password = account
        context = ssl.create_default_context(cafile=ca)
        server = smtplib.SMTP_SSL("localhost", int(port), timeout=60, context=context)
        server.login(user, password)
    else:
        server = smtplib.SMTP("localhost", int(port), timeout=60)
    with server:
        server.sendmail(sender, [recipient], letter, mail_options=["BODY=8BITMIME"])


main()
