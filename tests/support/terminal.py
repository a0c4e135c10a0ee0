"""Runs a program on a terminal of its own and types the lines of standard input into it, each once the program waits for
one: its prompt ends in ": ". Prints all that the terminal shows; the exit code is the program's."""

import os
import pty
import sys
import time

LIMIT = 30  # seconds from prompt to prompt

answers = sys.stdin.buffer.read().splitlines(keepends=True)
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])

shown, waiting_from = b"", 0
deadline = time.monotonic() + LIMIT
while time.monotonic() < deadline:
    try:
        some = os.read(terminal, 4096)
    except OSError:  # The program has closed its side.
        break
    if not some:
        break
    shown += some
    if answers and shown[waiting_from:].endswith(b": "):
        waiting_from = len(shown)
        os.write(terminal, answers.pop(0))
        deadline = time.monotonic() + LIMIT
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
