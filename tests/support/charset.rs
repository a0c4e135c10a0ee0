//! Two charsets that old Russian mail programs still write.

/// The letters of KOI8-R from 0xC0 on.
const KOI8_R: &str = "юабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ";

/// Returns `text` in KOI8-R; panics at a character that is not in it.
pub(crate) fn koi8_r(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '\0'..='\x7f' => c as u8,
        'ё' => 0xA3,
        'Ё' => 0xB3,
        _ => {
            let place = KOI8_R.chars().position(|letter| letter == c);
            0xC0 + place.unwrap_or_else(|| panic!("{c:?} is not in KOI8-R")) as u8
        }
    };
    text.chars().map(byte).collect()
}

/// Returns `text` in windows-1251; panics at a character that is not in it.
pub(crate) fn windows_1251(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '\0'..='\x7f' => c as u8,
        'А'..='я' => (c as u32 - 'А' as u32 + 0xC0) as u8,
        'ё' => 0xB8,
        'Ё' => 0xA8,
        '№' => 0xB9,
        '«' => 0xAB,
        '»' => 0xBB,
        '—' => 0x97,
        '\u{a0}' => 0xA0,
        _ => panic!("{c:?} is not in windows-1251"),
    };
    text.chars().map(byte).collect()
}
