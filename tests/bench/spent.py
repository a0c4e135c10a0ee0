#!/usr/bin/env python3
"""spent.py - what a command spends: seconds, CPU seconds (user + system) and peak memory in MiB, on one line.

usage: spent.py LIMIT_S COMMAND ...

Ends the command after LIMIT_S seconds, and fails as the command does. What it prints goes to standard error.
"""

import os
import signal
import subprocess
import sys
import time


def main():
    limit, command = int(sys.argv[1]), sys.argv[2:]
    begun = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.kill(child.pid, signal.SIGKILL))
    signal.alarm(limit)
    # The peak includes this program's own from before the child became the command: about 10 MiB at least.
    _, status, used = os.wait4(child.pid, 0)
    print(f"{time.monotonic() - begun:.3f} {used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss / 1024:.1f}")
    sys.exit(os.waitstatus_to_exitcode(status) and 1)


main()
