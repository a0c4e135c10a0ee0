//! UTF-7 (RFC 2152): runs of base64 between `+` and the first character that is none of it.

/// Returns the characters of `raw`; what is no UTF-7 is read as it stands.
pub(super) fn decode(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'+', rest) {
        text.push_str(&String::from_utf8_lossy(&rest[..at]));
        rest = &rest[at + 1..];
        let is_code = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let length = rest.iter().take_while(|b| is_code(b)).count();
        match length {
            0 => text.push('+'),
            _ => push_code(&rest[..length], &mut text),
        }
        rest = &rest[length..];
        // A minus sign that ends a run is not shown; what else ends one is.
        rest = rest.strip_prefix(b"-").unwrap_or(rest);
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

fn push_code(code: &[u8], text: &mut String) {
    let bytes = super::transfer::base64_word(code);
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_they_should() {
        for (raw, want) in [
            ("+BB8EQAQ4BDIENQRC-!", "Привет!"),
            ("+BB8EQAQ4BDIENQRC, +BDwEOARA.", "Привет, мир."),
            ("1 +- 1", "1 + 1"),
            ("a+", "a+"),
            ("plain", "plain"),
        ] {
            assert_eq!(decode(raw.as_bytes()), want, "{raw}");
        }
    }
}
