//! Names of fields, as guests say them: again and again the same few.

use std::cell::RefCell;

use http::HeaderName;

/// How many names a thread remembers; a power of two.
const PLACES: usize = 64;

/// Longer names are not remembered, so that guests cannot make this large.
const LONGEST: usize = 64;

thread_local! {
    static NAMES: RefCell<[Option<HeaderName>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// The name in lower case; `None` when it is no token (RFC 9110 section 5.1).
///
/// To check a name and to make a copy of it costs several times as much as to find it again.
pub(super) fn parse(bytes: &[u8]) -> Option<HeaderName> {
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return None;
    };
    if bytes.len() > LONGEST {
        return HeaderName::from_bytes(bytes).ok();
    }
    // Names differ in length and at their ends, more often than in the middle.
    let place = bytes.len() ^ (usize::from(first) << 1) ^ (usize::from(last) << 3);
    NAMES.with_borrow_mut(|names| {
        let place = &mut names[place % PLACES];
        if let Some(name) = place
            && name.as_str().as_bytes() == bytes
        {
            return Some(name.clone());
        }
        let name = HeaderName::from_bytes(bytes).ok()?;
        Some(place.insert(name).clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_it_is_without_memory() {
        let long = "x".repeat(LONGEST + 1);
        let names = [
            "x-a",
            "X-A",
            "x-b",
            "host",
            "HOST",
            "content-length",
            "",
            "no token",
            ":path",
            "a\n",
            &long,
        ];
        // Twice, and with others that take the same places in between.
        for _ in 0..2 {
            for name in names {
                let wanted = HeaderName::from_bytes(name.as_bytes()).ok();
                assert_eq!(parse(name.as_bytes()), wanted, "{name:?}");
            }
            for number in 0..4 * PLACES {
                let name = format!("x-{number}");
                assert_eq!(parse(name.as_bytes()).expect("a token").as_str(), name);
            }
        }
    }
}
