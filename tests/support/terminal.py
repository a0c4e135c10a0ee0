"""Runs a program on a terminal of its own and types the lines of standard input into it, each once the program waits for
one: its prompt ends in ": ". Prints all that the terminal shows; the exit code is the program's."""

import os
import select
import sys

LIMIT = 30  # seconds from prompt to prompt
END = b"\0the program has ended\0"

answers = sys.stdin.buffer.read().splitlines(keepends=True)
# Our own hold on the program's side: a terminal whose last holder lets go may drop what was not read yet.
terminal, side = os.openpty()
pid = os.fork()
if pid == 0:
    os.close(terminal)
    os.login_tty(side)
    os.execv(sys.argv[1], sys.argv[1:])

ended = os.pidfd_open(pid)
shown, waiting_from = b"", 0
while not shown.endswith(END):
    watched = [terminal] if ended is None else [terminal, ended]
    ready, _, _ = select.select(watched, [], [], LIMIT)
    if not ready:
        sys.exit(f"nothing happens for {LIMIT} s after: {shown.decode(errors='replace')}")
    if terminal in ready:
        shown += os.read(terminal, 4096)
        if answers and shown[waiting_from:].endswith(b": "):
            waiting_from = len(shown)
            os.write(terminal, answers.pop(0))
    elif ended is not None:
        # All that the program wrote stands before this.
        os.write(side, END)
        ended = None
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown.removesuffix(END))
sys.exit(os.waitstatus_to_exitcode(status))
