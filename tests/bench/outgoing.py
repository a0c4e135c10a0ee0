#!/usr/bin/env python3
"""outgoing.py - how long notices wait for the worker, one row of outgoing.sh.

usage: outgoing.py LMTP_PORT ADDRESS LETTERS POLLER_LOG WORKER_LOG DATABASE LABEL
"""

import datetime
import random
import smtplib
import subprocess
import sys
import time

from latency import LIMIT_S, events, median_and_p95


def claimed(database, number):
    """When the worker claimed the notice of the ticket."""
    select = f"SELECT tried_since FROM letter WHERE kind = 'notice' AND ticket = {number}"
    if database.startswith("sqlite:"):
        program = ["sqlite3", "-readonly", "-cmd", ".timeout 5000", database.removeprefix("sqlite:"), select]
    else:
        # RFC 3339 in UTC, as SQLite has it.
        select = f"SELECT to_char(tried_since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"') FROM ({select}) AS n"
        program = ["psql", "-qtAX", database, "-c", select]
    at = subprocess.run(program, check=True, capture_output=True, text=True).stdout.strip()
    return datetime.datetime.fromisoformat(at).timestamp()


def main():
    port, address, letters, poller_log, worker_log, database, label = sys.argv[1:]
    rng = random.Random(1)
    to_claim, to_taken = [], []
    with smtplib.LMTP("127.0.0.1", int(port)) as lmtp:
        for number in range(1, int(letters) + 1):
            # At any moment of the daemons' own rhythm, and long after the letter before.
            time.sleep(0.6 + rng.random() * 0.4)
            before = len(events(poller_log)), len(events(worker_log))
            writer = f"writer{number}@family.test"
            lmtp.sendmail(writer, [address], (
                f"From: {writer}\r\nTo: {address}\r\nSubject: Letter {number}\r\n"
                f"Message-ID: <{number}.{rng.getrandbits(60)}@family.test>\r\n\r\nThe journal shows nothing.\r\n"))
            end = time.monotonic() + LIMIT_S
            while True:
                registered = dict(events(poller_log)[before[0]:]).get("registered")
                sent = dict(events(worker_log)[before[1]:]).get("sent")
                if registered and sent:
                    break
                if time.monotonic() > end:
                    sys.exit(f"letter {number} has no notice after {LIMIT_S} s")
                time.sleep(0.02)
            to_claim.append(claimed(database, number) - registered)
            to_taken.append(sent - registered)
    print(f"{label:10}", median_and_p95(to_claim), median_and_p95(to_taken))


if __name__ == "__main__":
    main()
