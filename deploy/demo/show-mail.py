#!/usr/bin/env python3
"""Prints every mail below a folder of Maildirs in order of arrival, decoded, for people to read.

usage: show-mail.py MAILDIRS      one Maildir an address, as maillab keeps them in DIR/mail
"""
import datetime
import pathlib
import re
import sys
from email import message_from_bytes, policy

import mailreading

HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To")
WIDTH = 100


def arrival(path):
    """Seconds since 1970 at which the server stored the file: Maildir names begin with them."""
    name = re.match(r"(\d+)\.(?:M(\d+))?", path.name)
    if not name:
        return path.stat().st_mtime
    return int(name[1]) + int(name[2] or 0) / 1e6


def mails(root):
    """Yields (arrival, address, folder, path) of every mail, the oldest first."""
    found = []
    for path in root.glob("*/**/*"):
        if path.parent.name in ("new", "cur") and path.is_file():
            address, *folder = path.relative_to(root).parts[:-2]
            found.append((arrival(path), address, folder[0].lstrip(".") if folder else "INBOX", path))
    return sorted(found)


def printable(text):
    """The text without what would steer a terminal: control and bidi characters become visible."""
    return "".join(
        c if c in "\n\t" or c.isprintable() or c in "\u00a0\u202f" else f"<U+{ord(c):04X}>"
        for c in text.replace("\r\n", "\n")
    )


def show(number, when, address, folder, path):
    """Prints one mail."""
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    moment = datetime.datetime.fromtimestamp(when).astimezone()
    place = address if folder == "INBOX" else f"{address}, folder {folder}"
    print("=" * WIDTH)
    print(f"{number}. arrived in the inbox of {place} at {moment:%H:%M:%S.%f}"[:-3] + f" {moment:%Z}")
    print("-" * WIDTH)
    for name in HEADERS:
        if name in mail:
            words = printable(mailreading.field(mail, name)).replace("\n", " ")
            print(f"{name + ':':<12} {words}")
    body = mail.get_body(("plain", "html"))
    print()
    print(printable(mailreading.text(body)).rstrip("\n") if body else "(no text)")
    others = [part for part in mail.walk() if not part.is_multipart() and part is not body]
    if others:
        print()
    for part in others:
        size = len(part.get_payload(decode=True) or b"")
        kind = "Attachment" if part.get_filename() or part.is_attachment() else "Other part"
        name = printable(part.get_filename() or "(no name)").replace("\n", " ") if kind == "Attachment" else ""
        print(f"[{kind}: {', '.join(filter(None, (name, part.get_content_type(), f'{size} bytes')))}]")
    print()


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    for number, (when, address, folder, path) in enumerate(mails(pathlib.Path(sys.argv[1])), 1):
        show(number, when, address, folder, path)


main()
