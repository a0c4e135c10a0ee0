#!/usr/bin/env python3
"""genmail.py - letters as a support address gets them, the same ones for the same seed.

usage: genmail.py [--seed S] [--to ADDRESS] [--owner UID:GID] [--huge N] COUNT DIR

Writes COUNT files into DIR (a Maildir's `new`): 70 % text of about 4 KB, 20 % text and HTML of about 31 KB,
9 % with an attachment of 110 to 800 KB, 1 % of 5 MB; 30 % answer an earlier letter of the same writer, a few are
exact copies. UTF-8, KOI8-R and windows-1251, in 8bit, quoted-printable and base64. Prints what it wrote.
"""

import argparse
import base64
import os
import quopri
import random

WORDS = """журнал расписание оценка четверть ученик класс учитель урок отчёт пароль вход ошибка страница кнопка
дневник родитель неделя завтра сегодня пожалуйста помогите добавить заменить исправить показывает пропало
не на в и при после снова опять система пишет открыть сохранить посещаемость успеваемость""".split()
CHARSETS = [("utf-8", 0.6), ("koi8-r", 0.2), ("windows-1251", 0.2)]
NAMES = ["Мария Соколова", "Ольга Петрова", "Rita Orlova", "Пётр Ильин", "Anna K.", "Нина Фомина"]
START = 1788220800  # 1 September 2026, 08:00 UTC


def prose(rng, size, charset):
    """Words of about `size` bytes in `charset`, in lines and paragraphs."""
    lines, line, bytes_so_far = [], [], 0
    per_letter = 2 if charset == "utf-8" else 1
    while bytes_so_far < size:
        word = rng.choice(WORDS)
        line.append(word)
        bytes_so_far += len(word) * per_letter + 1
        if sum(map(len, line)) > 60:
            lines.append(" ".join(line))
            line = []
            if rng.random() < 0.1:
                lines.append("")
    lines.append(" ".join(line))
    return "\n".join(lines) + "\n"


def encoded(rng, text, charset):
    """Returns the transfer encoding and the text in it."""
    raw = text.encode(charset)
    encoding = rng.choice(["8bit", "quoted-printable", "base64"])
    if encoding == "base64":
        raw = base64.encodebytes(raw)
    elif encoding == "quoted-printable":
        raw = quopri.encodestring(raw)
    return encoding.encode(), raw


def text_part(rng, subtype, text, charset):
    encoding, raw = encoded(rng, text, charset)
    return (b"Content-Type: text/%s; charset=%s\nContent-Transfer-Encoding: %s\n\n"
            % (subtype.encode(), charset.encode(), encoding)) + raw


def multipart(kind, parts, boundary):
    body = b"".join(b"--%s\n%s\n" % (boundary, part) for part in parts)
    return b"Content-Type: multipart/%s; boundary=\"%s\"\n\n%s--%s--\n" % (kind, boundary, body, boundary)


def attachment(rng, size, number):
    data = base64.encodebytes(rng.randbytes(size * 3 // 4 * 76 // 77))
    return (b"Content-Type: application/pdf; name=\"scan-%d.pdf\"\nContent-Disposition: attachment; "
            b"filename=\"scan-%d.pdf\"\nContent-Transfer-Encoding: base64\n\n" % (number, number)) + data


def word(text, charset="utf-8"):
    """An encoded word (RFC 2047)."""
    return b"=?%s?B?%s?=" % (charset.encode(), base64.b64encode(text.encode(charset)))


def letter(rng, number, share, to, threads, is_huge):
    """One letter; `share` in 0..1 decides its shape, unless it is of 40 MB."""
    charset = rng.choices([name for name, _ in CHARSETS], [weight for _, weight in CHARSETS])[0]
    who = rng.randrange(300)
    boundary = b"=_b%d_%d" % (number, rng.randrange(1 << 30))
    if share < 0.70 and not is_huge:
        body = text_part(rng, "plain", prose(rng, rng.randrange(1500, 5000), charset), charset)
    elif share < 0.90 and not is_huge:
        words = prose(rng, 10_000, charset)
        html = "<html><body><p>" + words.replace("\n", "<br>\n") + "</p></body></html>\n"
        body = multipart(b"alternative", [text_part(rng, "plain", words, charset),
                                          text_part(rng, "html", html, charset)], boundary)
    else:
        size = 5_000_000 if share >= 0.99 else rng.randrange(110_000, 800_000)
        size = 40_000_000 if is_huge else size
        words = text_part(rng, "plain", prose(rng, 1500, charset), charset)
        body = multipart(b"mixed", [words, attachment(rng, size, number)], boundary)
    message_id = b"<bench.%d.%d@family.test>" % (number, rng.randrange(1 << 40))
    subject = " ".join(rng.choice(WORDS) for _ in range(3))
    reply = b""
    before = threads.get(who)
    if before and rng.random() < 0.36:
        reply = b"In-Reply-To: %s\nReferences: %s\n" % (before[-1], b" ".join(before[-5:]))
        subject = "Re: " + subject
    else:
        before = threads[who] = []
    before.append(message_id)
    name = word(rng.choice(NAMES), charset)
    head = (b"Return-Path: <writer%d@family.test>\nReceived: from mx.family.test (mx.family.test [192.0.2.7])\n"
            b"\tby mail.school.test; Tue, 1 Sep 2026 11:00:00 +0300\nFrom: %s <writer%d@family.test>\n"
            b"To: <%s>\nSubject: %s\nDate: Tue, 1 Sep 2026 11:00:00 +0300\nMessage-ID: %s\n%sMIME-Version: 1.0\n"
            % (who, name, who, to.encode(), word(subject, charset), message_id, reply))
    return head + body, bool(reply)


def main():
    arguments = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--to", default="help@school.test")
    arguments.add_argument("--owner")
    arguments.add_argument("--huge", type=int, default=0, help="so many of the letters are of 40 MB")
    arguments.add_argument("count", type=int)
    arguments.add_argument("dir")
    given = arguments.parse_args()
    rng, threads = random.Random(given.seed), {}
    # The shares are exact, their order is not.
    shares = [(n + 0.5) / given.count for n in range(given.count)]
    rng.shuffle(shares)
    total = replies = copies = 0
    bytes_before = None
    every = given.count // given.huge if given.huge else 0
    for number, share in enumerate(shares):
        is_huge = bool(every) and number % every == every // 2
        if bytes_before is not None and number % 167 == 166 and not is_huge:
            data, reply, copies = bytes_before, False, copies + 1
        else:
            data, reply = letter(rng, number, share, given.to, threads, is_huge)
        bytes_before = data if len(data) < 50_000 else bytes_before
        path = os.path.join(given.dir, f"{START + number}.M{number}P1.bench,S={len(data)}")
        with open(path, "wb") as file:
            file.write(data)
        os.utime(path, (START + number, START + number))
        if given.owner:
            os.chown(path, *map(int, given.owner.split(":")))
        total, replies = total + len(data), replies + reply
    print(f"{given.count} letters, {total / 1e6:.0f} MB, {replies} replies, {copies} exact copies, seed {given.seed}")


main()
