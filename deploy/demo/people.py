#!/usr/bin/env python3
"""Plays the people of the demo: they write, read and answer as ordinary mail programs do.

usage: people.py DIR send LETTER     writes that letter and sends it by SMTP, as its writer
       people.py DIR find MAIL       exit 0: it is in its reader's inbox, 1: not yet, 3: it is, and it is wrong
       people.py DIR names           the LETTERs and the MAILs

DIR holds `lab` (see tests/support/maillab) and gets `letters`, a copy of everything sent.
"""
import email.charset
import email.utils
import pathlib
import smtplib
import ssl
import struct
import sys
import zlib
from email import message_from_bytes, policy
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.mime.text import MIMEText

import mailreading

DESK, NIGHT_DESK = "help@school.test", "night@school.test"
OLGA = ("Ольга Петрова", "o.petrova@family.test")
MARIA = ("Мария Соколова", "m.sokolova@school.test")
IVAN = ("Иван Смирнов", "ivan@school.test")
ANNA = ("Анна Белова", "anna@school.test")

# Words by which each letter is known again in what the desk sends on.
ASKED = "Дочь не видит домашнее задание по математике"
TAUGHT = "После замены урока расписание 5 класса не сохраняется"
ASKED_LATE = "Не приходит код для входа в дневник"
ANSWERED = "нажмите «Обновить» под списком заданий"
ASKED_AGAIN = "спасибо, ещё вопрос"


class Lab:
    """The mail lab below DIR: its ports, its accounts, its inboxes."""

    def __init__(self, work):
        self.work = pathlib.Path(work)
        lines = (self.work / "lab/env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if "=" in line)
        lines = (self.work / "lab/accounts").read_text().splitlines()
        self.passwords = dict(line.split(":", 1) for line in lines)

    def submit(self, name, sender, recipient, raw):
        """Keeps a copy of the letter, then sends it by SMTP over TLS with the sender's own account."""
        (self.work / "letters").mkdir(exist_ok=True)
        (self.work / "letters" / f"{name}.eml").write_bytes(raw)
        trust = ssl.create_default_context(cafile=self.env["MAILLAB_CA"])
        port = int(self.env["MAILLAB_SUBMISSIONS_PORT"])
        with smtplib.SMTP_SSL("localhost", port, context=trust, timeout=60) as smtp:
            smtp.login(sender, self.passwords[sender])
            smtp.sendmail(sender, [recipient], raw)

    def sent(self, name):
        """A letter sent before, None if it was not."""
        path = self.work / "letters" / f"{name}.eml"
        return message_from_bytes(path.read_bytes(), policy=policy.default) if path.exists() else None

    def inbox(self, address):
        """Yields the mails in the inbox of an address."""
        for folder in ("new", "cur"):
            for path in (self.work / "lab/mail" / address / folder).glob("*"):
                try:
                    yield message_from_bytes(path.read_bytes(), policy=policy.default)
                except FileNotFoundError:  # moved from new to cur by a reader
                    continue


# --- reading a mail ------------------------------------------------------------------------


def address_of(mail):
    """The address in From."""
    return mailreading.sender(mail)[1].lower()


def text_of(mail):
    """The readable text of a mail."""
    body = mail.get_body(("plain", "html"))
    return mailreading.text(body) if body else ""


def flat(text):
    """The text on one line, so that words are found across line breaks and special spaces."""
    return " ".join(text.split())


def is_automatic(mail):
    """Whether the mail says that no person wrote it (RFC 3834)."""
    return str(mail["Auto-Submitted"] or "no").strip().lower() != "no"


def answers(mail, letter):
    """Whether the mail refers to the letter by its Message-ID."""
    referred = f"{mail['In-Reply-To'] or ''} {mail['References'] or ''}"
    return letter is not None and str(letter["Message-ID"]).strip() in referred


# --- writing one ---------------------------------------------------------------------------


def photograph():
    """Returns a small real PNG: 160 x 100 pixels that fade from one colour into another."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    # Filter 1: after a row's first pixel each is the difference from its left neighbour.
    rows = b"".join(b"\1" + bytes((0, 2 * y, 255)) + bytes((1, 0, 255)) * 159 for y in range(100))
    size = struct.pack(">IIBBBBB", 160, 100, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def mailbox(name, address):
    """A mailbox for a header field; its name is encoded where need be."""
    return Address(display_name=name, addr_spec=address)


def new_letter(writer, recipient, subject, text):
    """A letter in UTF-8 with the headers every mail program writes."""
    mail = EmailMessage()
    mail["From"] = mailbox(*writer)
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Date"] = email.utils.localtime()
    mail["Message-ID"] = email.utils.make_msgid(domain=writer[1].split("@")[1])
    mail.set_content(text)
    return mail


def olga_asks(_lab):
    """A parent's first letter, with a photograph of the screen."""
    mail = new_letter(OLGA, DESK, "Не видно домашнее задание", f"""\
Здравствуйте!

{ASKED}: со вторника страница пустая. Снимок экрана приложила.
Подскажите, пожалуйста, что сделать?

Ольга Петрова, мама Кати, 6 «А»
""")
    mail.add_attachment(photograph(), "image", "png", filename="снимок экрана.png")
    return OLGA, DESK, mail.as_bytes(policy=policy.SMTP)


def maria_asks(_lab):
    """A teacher's letter from an old mail program: KOI8-R, quoted-printable, headers in KOI8-R as well."""
    koi8 = email.charset.Charset("koi8-r")
    koi8.body_encoding = email.charset.QP
    mail = MIMEText(f"""\
Добрый день!

{TAUGHT}: пишет "Конфликт кабинета".
Кабинет 12, среда, третий урок.

С уважением,
Мария Ивановна Соколова
""", "plain", koi8)
    name, address = MARIA
    mail["From"] = f"{Header(name, koi8).encode()} <{address}>"
    mail["To"] = DESK
    mail["Subject"] = Header("Не сохраняется расписание 5 класса", koi8)
    mail["Date"] = email.utils.format_datetime(email.utils.localtime())
    mail["Message-ID"] = email.utils.make_msgid(domain="school.test")
    return MARIA, DESK, mail.as_bytes(policy=policy.compat32.clone(linesep="\r\n"))


def olga_asks_late(_lab):
    """A letter to the desk that is closed now."""
    mail = new_letter(OLGA, NIGHT_DESK, "Не могу войти", f"""\
Здравствуйте!

{ASKED_LATE}, жду уже час. Номер телефона не меняла.

Ольга Петрова
""")
    return OLGA, NIGHT_DESK, mail.as_bytes(policy=policy.SMTP)


def reply(writer, mail, text):
    """An answer as mail programs make it: below the writer's own text everything he read, quoted."""
    subject = mailreading.field(mail, "Subject")
    if not subject.lower().startswith("re:"):
        subject = f"Re: {subject}"
    name, address = mailreading.sender(mail, "Reply-To" if "Reply-To" in mail else "From")
    date = mail["Date"].datetime.astimezone().strftime("%d.%m.%Y %H:%M")
    lines = text_of(mail).rstrip().splitlines()
    quoted = "".join(f">{'' if line.startswith('>') else ' '}{line}".rstrip() + "\n" for line in lines)
    answer = new_letter(writer, mailbox(name, address), subject,
                        f"{text}\n{date}, {name or address} пишет:\n{quoted}")
    answer["In-Reply-To"] = str(mail["Message-ID"])
    answer["References"] = " ".join(f"{mail['References'] or ''} {mail['Message-ID']}".split())
    return writer, address, answer.as_bytes(policy=policy.SMTP)


def ivan_answers(lab):
    """The specialist presses Reply in the notice, writes his answer above, and closes the ticket."""
    notice = found(lab, "notice-ivan")
    return reply(IVAN, notice, f"""\
Ольга, здравствуйте!

Откройте раздел «Домашние задания», выберите предмет и {ANSWERED}. Страница загрузится заново.
Если она останется пустой, напишите, каким браузером вы пользуетесь.

#закрыть
""")


def olga_asks_again(lab):
    """The writer answers the answer."""
    return reply(OLGA, found(lab, "answer"), f"""\
Иван, {ASKED_AGAIN}: задание появилось, а прикрепить к нему файл не получается. Это отдельная кнопка?
""")


LETTERS = {
    "olga-asks": olga_asks,
    "maria-asks": maria_asks,
    "olga-asks-late": olga_asks_late,
    "ivan-answers": ivan_answers,
    "olga-asks-again": olga_asks_again,
}

# --- what the desks should send ------------------------------------------------------------


def receipt(desk, letter):
    """An automatic mail of the desk that refers to the letter."""
    return lambda lab, mail: address_of(mail) == desk and is_automatic(mail) and answers(mail, lab.sent(letter))


def notice(words, desk=DESK):
    """A mail of the desk with the writer's words in it."""
    return lambda _lab, mail: address_of(mail) == desk and words in flat(text_of(mail))


def answer(_lab, mail):
    """A person's words from the desk's address."""
    return address_of(mail) == DESK and not is_automatic(mail) and ANSWERED in flat(text_of(mail))


MAILS = {
    "receipt-olga": (OLGA, receipt(DESK, "olga-asks")),
    "receipt-maria": (MARIA, receipt(DESK, "maria-asks")),
    "receipt-late": (OLGA, receipt(NIGHT_DESK, "olga-asks-late")),
    "notice-ivan": (IVAN, notice(ASKED)),
    "notice-anna": (ANNA, notice(ASKED)),
    "notice-maria-ivan": (IVAN, notice(TAUGHT)),
    "notice-maria-anna": (ANNA, notice(TAUGHT)),
    "answer": (OLGA, answer),
    "again-ivan": (IVAN, notice(ASKED_AGAIN)),
    "reopened": (OLGA, receipt(DESK, "olga-asks-again")),
    # These must not come while the second desk is closed.
    "late-ivan": (IVAN, lambda _lab, mail: address_of(mail) == NIGHT_DESK),
    "late-anna": (ANNA, lambda _lab, mail: address_of(mail) == NIGHT_DESK),
}

# What belongs to the specialists alone.
INTERNAL = ("[==", "#закрыть", "Служебное", IVAN[1], ANNA[1])


def found(lab, name):
    """The mail of that name, None while it is not there; ends the program if it shows what it must not."""
    (_, reader), matches = MAILS[name]
    for mail in lab.inbox(reader):
        if matches(lab, mail):
            if reader in (OLGA[1], MARIA[1]):
                leaked = [words for words in INTERNAL if words in text_of(mail)]
                if leaked:
                    print(f"{name}: internal words reached {reader}: {', '.join(leaked)}")
                    sys.exit(3)
            return mail
    return None


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    match sys.argv[1:]:
        case [work, "send", name] if name in LETTERS:
            lab = Lab(work)
            (_, sender), recipient, raw = LETTERS[name](lab)
            lab.submit(name, sender, recipient, raw)
        case [work, "find", name] if name in MAILS:
            sys.exit(0 if found(Lab(work), name) else 1)
        case [_, "names"]:
            print("letters:", *LETTERS)
            print("mails:", *MAILS)
        case _:
            print(__doc__, file=sys.stderr)
            sys.exit(2)


main()
