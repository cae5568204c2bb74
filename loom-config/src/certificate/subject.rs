//! Distinguished names as RFC 2253 writes them, letter for letter as BoringSSL does, and so Envoy.

use std::fmt::Write;

use x509_parser::asn1_rs::{Any, Class, Oid, Tag, ToDer};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::attributes;

/// The name, its last part first, and within a part the last attribute first.
pub(super) fn rfc2253(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let parts: Vec<_> = name.iter().collect();
    for (index, part) in parts.into_iter().rev().enumerate() {
        let attributes: Vec<_> = part.iter().collect();
        for (place, attribute) in attributes.into_iter().rev().enumerate() {
            match (index, place) {
                (0, 0) => {}
                (_, 0) => text.push(','),
                _ => text.push('+'),
            }
            push_attribute(&mut text, attribute);
        }
    }
    text
}

fn push_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let number = number(attribute.attr_type());
    let name = attributes::name(&number);
    text.push_str(name.unwrap_or(&number));
    text.push('=');
    let value = attribute.attr_value();
    match text_of(value) {
        Some(value) if name.is_some() => push_escaped(text, &value),
        // What nobody can tell the text of stands there as it is encoded (2.4).
        _ => {
            text.push('#');
            push_hexadecimal(text, "", &value.to_der_vec().unwrap_or_default());
        }
    }
}

/// An object identifier in dots. The first byte holds two numbers, of which only the second may be above 39 (X.690, 8.19.4).
fn number(oid: &Oid<'_>) -> String {
    let mut numbers: Vec<u128> = Vec::new();
    let mut number = 0_u128;
    for byte in oid.as_bytes() {
        number = (number << 7) | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first);
                number -= first * 40;
            }
            numbers.push(number);
            number = 0;
        }
    }
    let numbers: Vec<String> = numbers.iter().map(u128::to_string).collect();
    numbers.join(".")
}

/// What a value says; `None` when it is no text that can stand in a name. Those of eight bits are all read as Latin-1.
fn text_of(value: &Any<'_>) -> Option<String> {
    if value.class() != Class::Universal {
        return None;
    }
    let bytes = value.data;
    match value.tag() {
        Tag::Utf8String => String::from_utf8(bytes.to_vec()).ok(),
        Tag::NumericString | Tag::PrintableString | Tag::TeletexString | Tag::Ia5String => {
            Some(bytes.iter().map(|&byte| char::from(byte)).collect())
        }
        Tag::BmpString => wide::<2>(bytes),
        Tag::UniversalString => wide::<4>(bytes),
        _ => None,
    }
}

/// Letters of so many bytes each, the highest one first.
fn wide<const N: usize>(bytes: &[u8]) -> Option<String> {
    let (letters, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return None;
    }
    let numbers = letters.iter().map(|letter| {
        let bytes = letter.iter();
        bytes.fold(0, |number, &byte| (number << 8) | u32::from(byte))
    });
    numbers.map(char::from_u32).collect()
}

/// A value with what has a meaning in such a name escaped, and what is no printable ASCII, too.
fn push_escaped(text: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (index, letter) in value.chars().enumerate() {
        if letter.is_control() || !letter.is_ascii() {
            push_hexadecimal(text, "\\", letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let is_special = matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (index == 0 && matches!(letter, ' ' | '#'))
            || (index == last && letter == ' ');
        if is_special {
            text.push('\\');
        }
        text.push(letter);
    }
}

fn push_hexadecimal(text: &mut String, before: &str, bytes: &[u8]) {
    for byte in bytes {
        // A string takes everything.
        let _ = write!(text, "{before}{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_attributes() {
        for (bytes, expected) in [
            (&[0x55, 4, 3][..], "2.5.4.3"),
            (&[0x09, 0x92, 0x26], "0.9.2342"),
            (&[0x2a, 0x86, 0x48], "1.2.840"),
            (&[0x78, 5], "2.40.5"),
            (&[0x88, 0x37], "2.999"),
            (&[], ""),
        ] {
            assert_eq!(number(&Oid::new(bytes.into())), expected);
        }
        let endless = [0xff; 40];
        assert_eq!(number(&Oid::new(endless[..].into())), "");
    }

    #[test]
    fn texts_of_all_kinds() {
        let text = |tag, bytes| text_of(&Any::from_tag_and_data(tag, bytes));
        for (tag, bytes, expected) in [
            (Tag::Utf8String, "Zoë".as_bytes(), Some("Zoë")),
            (Tag::Utf8String, b"Zo\xeb", None),
            (Tag::Ia5String, b"Zo\xeb", Some("Zoë")),
            (Tag::TeletexString, b"Zo\xeb", Some("Zoë")),
            (Tag::BmpString, b"\0Z\0\xeb", Some("Zë")),
            (Tag::BmpString, b"\0Z\0", None),
            (Tag::BmpString, b"\xd8\x3d\xde\x00", None),
            (Tag::UniversalString, b"\0\x01\xf6\0", Some("\u{1f600}")),
            (Tag::UniversalString, b"\0\x11\0\0", None),
            (Tag::BitString, b"\0a", None),
        ] {
            assert_eq!(text(tag, bytes).as_deref(), expected, "{tag} {bytes:?}");
        }
    }
}
