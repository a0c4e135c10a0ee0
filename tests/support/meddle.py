#!/usr/bin/env python3
"""Meddles with an inbox as another mail program of the same account would, while a poller reads it.

usage: meddle.py PORT CA_FILE USER PASSWORD ROUNDS

Each round marks every letter as read, moves one away and removes one for good, and prints a line. After the rounds
letters are marked again and again until standard input ends.
"""
import imaplib
import select
import ssl
import sys

ELSEWHERE = "Elsewhere"


def asked(answer):
    """Returns the data of an answer, which must be OK."""
    status, data = answer
    if status != "OK":
        raise SystemExit(f"meddle: {status} {data}")
    return data


def uids(imap):
    return asked(imap.uid("SEARCH", "ALL"))[0].split()


def mark(imap):
    if uids(imap):
        asked(imap.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Seen)"))


def main():
    port, ca_file, user, password, rounds = sys.argv[1:]
    tls = ssl.create_default_context(cafile=ca_file)
    imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=tls)
    asked(imap.login(user, password))
    imap.create(ELSEWHERE)
    asked(imap.select("INBOX"))
    for number in range(1, int(rounds) + 1):
        mark(imap)
        # From the midst of what is left.
        left = uids(imap)
        asked(imap.uid("MOVE", left[len(left) // 3].decode(), ELSEWHERE))
        removed = left[2 * len(left) // 3].decode()
        asked(imap.uid("STORE", removed, "+FLAGS.SILENT", r"(\Deleted)"))
        asked(imap.uid("EXPUNGE", removed))
        print(number, flush=True)
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        mark(imap)
    imap.logout()


main()
