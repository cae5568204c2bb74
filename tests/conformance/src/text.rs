//! Bytes as text and back.

use std::fmt::Write;

/// Beyond this, bytes are told by their length, a hash and their beginning.
const LONG: usize = 300;

/// The bytes that a text of a case stands for: `\xNN`, `\r`, `\n`, `\t`, `\0` and `\\` are escapes, and `%5*a` alone is
/// `aaaaa`.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    if let Some(bytes) = repeated(text) {
        return bytes;
    }
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'\\' => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'x') => hex(rest.next()) << 4 | hex(rest.next()),
                Some(other) => other,
                None => b'\\',
            },
            byte => byte,
        };
        bytes.push(byte);
    }
    bytes
}

fn repeated(text: &str) -> Option<Vec<u8>> {
    let (count, piece) = text.strip_prefix('%')?.split_once('*')?;
    Some(piece.as_bytes().repeat(count.parse().ok()?))
}

fn hex(digit: Option<u8>) -> u8 {
    let value = digit.and_then(|digit| char::from(digit).to_digit(16));
    value
        .and_then(|value| u8::try_from(value).ok())
        .unwrap_or(0)
}

/// Bytes as one quoted word, in the way in which the plugin writes them, too.
pub(crate) fn show(bytes: &[u8]) -> String {
    if bytes.len() > LONG {
        let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, &byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        return format!("{} bytes {hash:08x} {}...", bytes.len(), show(&bytes[..16]));
    }
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x20..0x7f => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_bytes_and_bytes_become_escapes() {
        assert_eq!(unescape(r"a\xff\r\n\\"), b"a\xff\r\n\\");
        assert_eq!(show(b"a\xff\r\"\\"), r#""a\xff\x0d\"\\""#);
        assert_eq!(unescape("%3*ab"), b"ababab");
        assert_eq!(unescape("%3 off"), b"%3 off");
    }

    #[test]
    fn long_bytes_are_told_by_length_and_hash() {
        let (one, mut other) = (vec![b'a'; 400], vec![b'a'; 400]);
        other[399] = b'b';
        assert!(show(&one).starts_with("400 bytes "));
        assert_ne!(show(&one), show(&other));
    }
}
