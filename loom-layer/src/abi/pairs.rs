//! Header maps on the wire between host and guest.
//!
//! ```text
//! u32 count, count x { u32 key length, u32 value length }, count x { key, 0, value, 0 }
//! ```
//! All integers are little-endian; lengths leave the terminating zeros out.

use crate::limits;

/// One entry of a map, as bytes.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

/// The size of the encoding of entries with these lengths, or `None` when it does not fit into 32 bits.
pub(crate) fn encoded_len(count: usize, text: usize) -> Option<u32> {
    let framing = count.checked_mul(4 + 4 + 1 + 1)?.checked_add(4)?;
    u32::try_from(framing.checked_add(text)?).ok()
}

/// Writes the entries into `out`, whose size is what [`encoded_len`] said; `false` when it is not.
pub(crate) fn encode_into<'a, I>(out: &mut [u8], count: usize, pairs: I) -> bool
where
    I: Iterator<Item = Pair<'a>>,
{
    let Some((lengths, text)) = split_at(out, 4 + count * 8) else {
        return false;
    };
    lengths[..4].copy_from_slice(&length(count));
    let mut lengths = &mut lengths[4..];
    let mut text = text;
    for (key, value) in pairs {
        let Some((entry, rest)) = split_at(lengths, 8) else {
            return false;
        };
        entry[..4].copy_from_slice(&length(key.len()));
        entry[4..].copy_from_slice(&length(value.len()));
        lengths = rest;
        for part in [key, value] {
            let Some((place, rest)) = split_at(text, part.len() + 1) else {
                return false;
            };
            place[..part.len()].copy_from_slice(part);
            place[part.len()] = 0;
            text = rest;
        }
    }
    lengths.is_empty() && text.is_empty()
}

fn split_at(bytes: &mut [u8], at: usize) -> Option<(&mut [u8], &mut [u8])> {
    bytes.split_at_mut_checked(at)
}

fn length(len: usize) -> [u8; 4] {
    // `encoded_len` refuses what is longer, so nothing is cut off here.
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads entries as Envoy does: a list that is too long, cut off, or not terminated as it should be reads as `None`
/// (which Envoy takes for an empty list). Nothing, four zero bytes and one zero byte are all the empty list.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Pair<'_>>> {
    if bytes.is_empty() || bytes == [0] {
        return Some(Vec::new());
    }
    if bytes.len() > limits::PAIRS_BYTES {
        return None;
    }
    let (count, rest) = take_u32(bytes)?;
    if count > limits::PAIRS_COUNT || rest.len() / 10 < count {
        return None;
    }
    let (mut lengths, mut text) = rest.split_at_checked(count * 8)?;
    let mut pairs = Vec::with_capacity(count);
    while !lengths.is_empty() {
        let (key_len, rest) = take_u32(lengths)?;
        let (value_len, rest) = take_u32(rest)?;
        lengths = rest;
        let (key, rest) = take_terminated(text, key_len)?;
        let (value, rest) = take_terminated(rest, value_len)?;
        text = rest;
        pairs.push((key, value));
    }
    text.is_empty().then_some(pairs)
}

fn take_u32(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn take_terminated(bytes: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    let (part, rest) = bytes.split_at_checked(len)?;
    Some((part, rest.strip_prefix(&[0])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(pairs: &[Pair<'_>]) -> Vec<u8> {
        let text = pairs.iter().map(|(k, v)| k.len() + v.len()).sum();
        let len = encoded_len(pairs.len(), text).expect("short");
        let mut out = vec![0xAA; usize::try_from(len).expect("small")];
        assert!(encode_into(&mut out, pairs.len(), pairs.iter().copied()));
        out
    }

    #[test]
    fn the_example_of_the_abi() {
        let bytes = encode(&[(b"a", b"1"), (b"b", b"22")]);
        let wanted: &[u8] = &[
            2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, b'a', 0, b'1', 0, b'b', 0,
            b'2', b'2', 0,
        ];
        assert_eq!(bytes, wanted);
        assert_eq!(
            decode(wanted),
            Some(vec![(&b"a"[..], &b"1"[..]), (b"b", b"22")])
        );
    }

    #[test]
    fn zeros_inside_and_empty_parts_survive() {
        let pairs: Vec<Pair<'_>> = vec![(b"a\0b", b""), (b"", b"\0")];
        assert_eq!(decode(&encode(&pairs)), Some(pairs));
    }

    #[test]
    fn three_ways_to_say_nothing() {
        for empty in [&[][..], &[0], &[0, 0, 0, 0]] {
            assert_eq!(decode(empty), Some(Vec::new()), "{empty:?}");
        }
    }

    #[test]
    fn whatever_is_cut_off_or_too_long_is_refused() {
        let whole = encode(&[(b"key", b"value"), (b"k", b"v")]);
        for end in 2..whole.len() {
            assert_eq!(decode(&whole[..end]), None, "{end} bytes");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(decode(&longer), None);
        let mut unterminated = whole;
        *unterminated.last_mut().expect("not empty") = 1;
        assert_eq!(decode(&unterminated), None);
        assert_eq!(decode(&[0xFF; 64]), None);
        assert_eq!(decode(&[0xFF, 0xFF, 0xFF, 0xFF]), None);
    }

    #[test]
    fn a_size_that_was_not_counted_is_noticed() {
        assert!(!encode_into(
            &mut [0; 10],
            1,
            std::iter::once((&b"a"[..], &b"b"[..]))
        ));
        assert!(!encode_into(
            &mut [0; 20],
            1,
            std::iter::once((&b"a"[..], &b"b"[..]))
        ));
    }
}
