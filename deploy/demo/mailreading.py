"""Reads mails as mail programs show them: header fields decoded as they stand, soft line breaks joined."""
import email.errors
import email.header
import email.utils


def field(mail, name):
    """Returns a header field on one line and decoded, "" if there is none.

    The fields as they stand are decoded here: the parser of addresses in Python's `email` puts a space between two
    encoded words of one name, which RFC 2047 section 6.2 says to leave out.
    """
    return decoded(unfolded(mail, name))


def sender(mail, name="From"):
    """Returns name and address of the first mailbox of a field."""
    # Taken apart before it is decoded: a decoded name may hold commas and brackets.
    shown, address = email.utils.parseaddr(unfolded(mail, name))
    return decoded(shown), address


def unfolded(mail, name):
    """Returns the first field of that name as it stands, on one line, "" if there is none."""
    raw = (value for key, value in mail.raw_items() if key.lower() == name.lower())
    line = " ".join(next(raw, "").split())
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def decoded(text):
    """Returns the text with its encoded words decoded; an encoded word that makes no sense stays as it is."""
    words = []
    try:
        for word, charset in email.header.decode_header(text):
            words.append(word if isinstance(word, str) else word.decode(charset or "ascii", "replace"))
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return text
    return "".join(words)


def text(part):
    """Returns the text of a part, or its bytes' closest reading when its charset lies."""
    try:
        content = part.get_content()
    except (LookupError, UnicodeError, KeyError):
        content = (part.get_payload(decode=True) or b"").decode("utf-8", "replace")
    return unflowed(content) if str(part.get_param("format")).lower() == "flowed" else content


def unflowed(content):
    """Returns format=flowed text with whole paragraphs on one line (RFC 3676 section 4)."""
    lines = []
    open_depth = None  # the quote depth of a paragraph whose last line ended in a soft break
    for line in content.splitlines():
        body = line.lstrip(">")
        depth = len(line) - len(body)
        body = body.removeprefix(" ")
        if depth == open_depth and body != "-- ":
            lines[-1] += body
        else:
            lines.append(">" * depth + " " * bool(depth and body) + body)
        open_depth = depth if body.endswith(" ") and body != "-- " else None
    return "".join(f"{line}\n" for line in lines)
