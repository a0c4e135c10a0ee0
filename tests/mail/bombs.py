#!/usr/bin/env python3
"""Letters made to hurt (promise E01), and how the poller takes them.

usage: bombs.py write DIRECTORY  writes them
       bombs.py run POLLER DIRECTORY          has `POLLER explain` read each, and twice as much of each

`run` fails if a letter takes more than 5 s, or more than 256 MiB above an empty letter, or is not understood at all, or
if twice the size takes more than 2.5 times as long (above a floor where the start of the program decides).
"""

import base64
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

HEAD = b"From: rita@family.test\r\nTo: help@school.test\r\nSubject: bomb\r\nMessage-ID: <bomb@family.test>\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nwords\r\n"
MULTIPART = b"Content-Type: multipart/mixed; boundary="

SECONDS = 5.0
BYTES = 256 * 1024 * 1024
RATIO = 2.5
# Below this the start of the program, and not the letter, takes the time.
FLOOR = 0.3


def nested_multiparts(depth):
    out = [HEAD]
    for level in range(depth):
        out.append(MULTIPART + b"b%dx\r\n\r\n--b%dx\r\n" % (level, level))
    return b"".join(out) + TEXT


def nested_letters(depth):
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * depth + TEXT


def nested_letters_in_parts(depth):
    out = [HEAD]
    for level in range(depth):
        out.append(MULTIPART + b"b%dx\r\n\r\n--b%dx\r\nContent-Type: message/rfc822\r\n\r\n" % (level, level))
    return b"".join(out) + TEXT


def nested_encoded_letters(depth):
    letter = HEAD + TEXT
    for _ in range(min(depth, 12)):
        letter = HEAD + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(letter)
    return letter


def many_parts(count):
    return HEAD + MULTIPART + b"b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


def empty_parts(count):
    return HEAD + MULTIPART + b"b\r\n\r\n" + b"--b\r\n" * count + b"--b--\r\n"


def digest(count):
    return HEAD + b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"--b\r\n\r\nSubject: x\r\n\r\ny\r\n" * count + b"--b--\r\n"


def many_headers(count):
    return HEAD + b"X-Header: value\r\n" * count + TEXT


def long_header(count):
    return HEAD + b"X-Header: " + b"value " * count + b"\r\n" + TEXT


def folded_header(count):
    return HEAD + b"X-Header: value\r\n" + b" more\r\n" * count + TEXT


def many_addresses(count):
    return HEAD + b"Cc: " + b"a@b.test, " * count + b"c@d.test\r\n" + TEXT


def nested_comments(count):
    return HEAD + b"Cc: " + b"(" * count + b"a@b.test" + b")" * count + b"\r\n" + TEXT


def references(count):
    return HEAD + b"References: " + b"<a@b.test>\r\n " * count + b"<c@d.test>\r\n" + TEXT


def boundaries_that_begin_each_other(count):
    out = [HEAD]
    for level in range(min(count, 2000)):
        out.append(MULTIPART + b"a" * (level + 1) + b"\r\n\r\n--" + b"a" * (level + 1) + b"\r\n")
    return b"".join(out) + TEXT + b"--a\r\n\r\nx\r\n" * count


def false_boundaries(count):
    return HEAD + MULTIPART + b'"' + b"a" * 70 + b'"\r\n\r\n' + (b"--" + b"a" * 69 + b"\r\n") * count


def parameter_pieces(count):
    pieces = b"".join(b";\r\n filename*%d=a" % number for number in range(count))
    return HEAD + MULTIPART + b"b\r\n\r\n--b\r\nContent-Disposition: attachment" + pieces + b"\r\n\r\nx\r\n--b--\r\n"


def encoded_words(count):
    return HEAD + b"Subject: " + b"=?utf-8?Q?a?=\r\n " * count + b"\r\n" + TEXT


def open_encoded_words(count):
    return HEAD + b"Subject: " + b"=?utf-8?Q?a " * count + b"\r\n" + TEXT


def base64_of_blanks(count):
    head = HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(b" " * count)


def base64_file(count):
    head = HEAD + b"Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(b"\0" * count)


def zip_bomb(_):
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 100_000_000)
    head = HEAD + b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(data.getvalue())


def winmail(count):
    head = HEAD + b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(b"\x78\x9f\x3e\x22" + b"\xff" * count)


def html(body):
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body


def nested_html(count):
    return html(b"<div>" * count + b"x" + b"</div>" * count)


def nested_quotes(count):
    return html(b"<blockquote>x" * count)


def nested_tables(count):
    return html(b"<table><tr><td>" * count + b"x")


def open_signs(count):
    return html(b"<" * count)


def links(count):
    return html(b"<a href='https://a.test/?x=1'>b</a> " * count)


def entities(count):
    return html(b"&amp" * count)


def text(body):
    return HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body


def quoted_lines(count):
    return text(b"> a\r\n" * count)


def deeply_quoted(count):
    return text(b">" * count + b" a\r\n")


def answers(count):
    return text(b"> a\r\nb\r\n" * count)


def attributions(count):
    return text(b"On 2026-11-23 10:14, a@b.test wrote:\r\n" * count)


def header_blocks(count):
    return text("От: а\r\nКому: б\r\n\r\n".encode() * count)


def separators(count):
    return text(b"-----Original Message-----\r\n" * count)


def signatures(count):
    return text(b"-- \r\nx\r\n\r\n" * count)


def one_line(count):
    return text(b"a" * count)


def one_line_of_words(count):
    return text("слово ".encode() * count)


def combining_marks(count):
    return text("e".encode() + "\u0301".encode() * count)


def flowed(count):
    return HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * count


def enriched(count):
    return HEAD + b"Content-Type: text/enriched\r\n\r\n" + b"<a" * count


def unlabelled(count):
    return HEAD + b"\r\n" + "Здравствуйте ".encode("cp1251") * count


def report(count):
    status = b"Final-Recipient: rfc822; a@b.test\r\nAction: failed\r\n\r\n" * count
    head = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    return HEAD + head + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + status + b"--b--\r\n"


def report_in_words(count):
    head = b"From: MAILER-DAEMON@b.test\r\nSubject: failure notice\r\nContent-Type: text/plain\r\n\r\n"
    return head + b"could not be delivered\r\n" + b"<a@b.test>: 550 5.1.1 no\r\n" * count


def calendar(count):
    head = b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"
    return HEAD + head + b"SUMMARY:a\r\n b\r\n" * count


def sentinels(count):
    return text(b"[== x ==]\r\n> [== y ==]\r\n" * count)


BOMBS = [
    (nested_multiparts, 100), (nested_multiparts, 1000), (nested_multiparts, 10_000), (nested_multiparts, 100_000),
    (nested_letters, 100), (nested_letters, 1000), (nested_letters, 10_000), (nested_letters, 100_000),
    (nested_letters_in_parts, 100_000), (nested_encoded_letters, 12),
    (many_parts, 1_000_000), (empty_parts, 1_000_000), (digest, 100_000), (many_parts, 499), (digest, 499),
    (many_headers, 100_000), (many_headers, 990), (long_header, 1_000_000), (long_header, 10_000), (folded_header, 1_000_000), (folded_header, 8000),
    (many_addresses, 100_000), (many_addresses, 6000), (nested_comments, 100_000), (nested_comments, 30_000), (references, 100_000), (references, 5000),
    (boundaries_that_begin_each_other, 100_000), (false_boundaries, 400_000),
    (parameter_pieces, 100_000), (parameter_pieces, 3000), (encoded_words, 400_000), (encoded_words, 4000), (open_encoded_words, 5000),
    (base64_of_blanks, 25_000_000), (base64_of_blanks, 37_000_000), (base64_file, 25_000_000), (zip_bomb, 1), (winmail, 10_000_000),
    (nested_html, 200_000), (nested_quotes, 100_000), (nested_tables, 100_000), (open_signs, 2_000_000), (links, 50_000), (entities, 400_000),
    (quoted_lines, 200_000), (deeply_quoted, 1_000_000), (answers, 100_000), (attributions, 25_000), (header_blocks, 40_000), (separators, 35_000),
    (signatures, 100_000), (one_line, 20_000_000), (one_line_of_words, 90_000), (combining_marks, 500_000), (flowed, 250_000), (enriched, 500_000),
    (unlabelled, 80_000), (report, 20_000), (report_in_words, 40_000), (calendar, 100_000), (sentinels, 40_000),
]


def measure(command):
    """Seconds, peak bytes, standard output and exit code of a command."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        printed = out.read()
    seconds = max(seconds, usage.ru_utime + usage.ru_stime)
    return seconds, usage.ru_maxrss * 1024, printed, process.returncode


def best(command, times):
    runs = [measure(command) for _ in range(times)]
    return min(runs, key=lambda run: run[0])


def understood(printed, code):
    try:
        line = json.loads(printed)
    except ValueError:
        return "no line of JSON (exit code %d)" % code
    return line.get("error") or ""


def run(poller, directory):
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "bomb.eml")

    def explain(make, count, times=1):
        # Written by a process of its own: what this one holds would count as its children's.
        subprocess.run([sys.executable, __file__, "one", make.__name__, str(count), path], check=True)
        return best([poller, "explain", "--json", path], times)

    idle = explain(text, "words")[1]
    failed = 0
    print("%-34s %10s %8s %8s %6s" % ("letter", "count", "seconds", "MiB", "2n/n"))
    for make, count in BOMBS:
        seconds, peak, printed, code = explain(make, count)
        wrong = understood(printed, code)
        if seconds > SECONDS:
            wrong = wrong or "too slow"
        if peak - idle > BYTES:
            wrong = wrong or "too much memory"
        ratio = ""
        if seconds < FLOOR and not wrong:
            ratio = "-"
        elif not wrong:
            # Somebody else's work only ever adds to a time: the smallest of some runs is the letter's own.
            for times in (3, 9):
                one, two = explain(make, count, times)[0], explain(make, 2 * count, times)[0]
                if two / one <= RATIO:
                    break
            else:
                wrong = "not linear"
            ratio = "%.2f" % (two / one)
        failed += bool(wrong)
        print("%-34s %10d %8.2f %8.0f %6s %s" % (make.__name__, count, seconds, (peak - idle) / 2**20, ratio, wrong), flush=True)
    os.remove(path)
    print("%d of %d letters failed" % (failed, len(BOMBS)))
    return failed == 0


def write(directory):
    os.makedirs(directory, exist_ok=True)
    for make, count in BOMBS:
        with open(os.path.join(directory, "%s-%d.eml" % (make.__name__, count)), "wb") as file:
            file.write(make(count))


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "write":
        write(sys.argv[2])
    elif len(sys.argv) == 5 and sys.argv[1] == "one":
        count = sys.argv[3]
        with open(sys.argv[4], "wb") as file:
            file.write(globals()[sys.argv[2]](int(count) if count.isdigit() else count.encode()))
    elif len(sys.argv) == 4 and sys.argv[1] == "run":
        # A letter that eats everything ends this way and not the machine's.
        resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
        sys.exit(0 if run(sys.argv[2], sys.argv[3]) else 1)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
