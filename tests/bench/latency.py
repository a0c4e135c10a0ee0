#!/usr/bin/env python3
"""latency.py - one row of latency.sh.

usage: latency.py LMTP_PORT ADDRESS LETTERS POLLER_LOG LABEL
"""

import datetime
import json
import random
import smtplib
import sys
import time

LIMIT_S = 60


def events(log):
    """The poller's log lines so far, as (message, seconds)."""
    found = []
    with open(log, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            event = json.loads(line)
            at = datetime.datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
            found.append((event.get("message"), at.timestamp()))
    return found


def median_and_p95(values):
    ordered = sorted(values)
    pick = lambda share: ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] * 1000
    return f"{pick(0.5):10.1f} {pick(0.95):8.1f}"


def main():
    port, address, letters, log, label = sys.argv[1:]
    rng = random.Random(1)
    ticket, receipt, whole = [], [], []
    with smtplib.LMTP("127.0.0.1", int(port)) as lmtp:
        for number in range(int(letters)):
            # At any moment of the poller's own rhythm, and long after the letter before.
            time.sleep(0.6 + rng.random() * 0.4)
            before = len(events(log))
            writer = f"writer{number}@family.test"
            lmtp.sendmail(writer, [address], (
                f"From: {writer}\r\nTo: {address}\r\nSubject: Letter {number}\r\n"
                f"Message-ID: <{number}.{rng.getrandbits(60)}@family.test>\r\n\r\nThe journal shows nothing.\r\n"))
            taken, end = time.time(), time.monotonic() + LIMIT_S
            while True:
                seen = {message: at for message, at in events(log)[before:]}
                if "registered" in seen and "sent" in seen:
                    break
                if time.monotonic() > end:
                    sys.exit(f"letter {number} has no receipt after {LIMIT_S} s; the log says {seen}")
                time.sleep(0.02)
            ticket.append(seen["registered"] - taken)
            receipt.append(seen["sent"] - seen["registered"])
            whole.append(seen["sent"] - taken)
    print(label, median_and_p95(ticket), median_and_p95(receipt), median_and_p95(whole))


if __name__ == "__main__":
    main()
