#!/usr/bin/env python3
"""commits.py - how many rows of 4 KB a second SQLite takes with journal_mode=WAL and synchronous=FULL, and nothing else.

usage: commits.py DIR SECONDS ROWS_A_COMMIT

DIR decides which file system is measured. Nothing stays in it.
"""

import os
import sqlite3
import sys
import tempfile
import time


def main():
    where, seconds, rows = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    row = (os.urandom(4096),)
    with tempfile.TemporaryDirectory(dir=where) as below:
        database = sqlite3.connect(os.path.join(below, "commits.db"), isolation_level=None)
        assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")
        written, begun = 0, time.monotonic()
        while time.monotonic() - begun < seconds:
            database.execute("BEGIN IMMEDIATE")
            for _ in range(rows):
                database.execute("INSERT INTO entry (bytes) VALUES (?)", row)
            database.execute("COMMIT")
            written += rows
        print(f"{written / (time.monotonic() - begun):.1f}")
        database.close()


main()
