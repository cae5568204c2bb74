//! The fields of a head or of trailers, as guests read them: where they are, or a copy of those that went on.

use std::fmt;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use super::names;

/// Bytes of a length in a [`Kept`].
const LENGTH: usize = size_of::<u32>();

/// Bytes that a field usually takes in a [`Kept`], its lengths included.
const USUAL: usize = 64;

/// See the module's text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fields<'a> {
    Map(&'a HeaderMap),
    Kept(&'a Kept),
}

impl<'a> Fields<'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Map(map) => map.len(),
            Self::Kept(kept) => kept.count,
        }
    }

    /// All names and values; the names in lower case.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let (map, kept) = match self {
            Self::Map(map) => (Some(map.iter()), None),
            Self::Kept(kept) => (None, Some(kept.iter())),
        };
        let map = map
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        map.chain(kept.into_iter().flatten())
    }

    /// The first value of a name, whatever its case.
    pub(super) fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        match self {
            Self::Map(map) => {
                let name = names::parse(name)?;
                map.get(name).map(HeaderValue::as_bytes)
            }
            Self::Kept(kept) => kept.get_all(name).next(),
        }
    }

    /// The first value of a name.
    pub(super) fn known(self, name: &HeaderName) -> Option<&'a [u8]> {
        match self {
            Self::Map(map) => map.get(name).map(HeaderValue::as_bytes),
            Self::Kept(kept) => kept.get_all(name.as_str().as_bytes()).next(),
        }
    }

    /// How many values a name has.
    pub(super) fn count(self, name: &HeaderName) -> usize {
        match self {
            Self::Map(map) => map.get_all(name).iter().count(),
            Self::Kept(kept) => kept.get_all(name.as_str().as_bytes()).count(),
        }
    }

    /// All values of a name, whatever its case.
    pub(super) fn get_all(self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        let (map, kept) = match self {
            Self::Map(map) => (names::parse(name).map(|name| map.get_all(name)), None),
            Self::Kept(kept) => (None, Some(kept.get_all(name))),
        };
        let map = map.into_iter().flatten().map(HeaderValue::as_bytes);
        map.chain(kept.into_iter().flatten())
    }
}

/// A copy of fields that is only read. All of it is in one piece of memory: to clone a `HeaderMap` costs two pieces, and
/// counting every value twice.
#[derive(Clone, Default)]
pub(super) struct Kept {
    /// For each field the lengths of name and value, then both.
    bytes: Vec<u8>,
    count: usize,
}

impl Kept {
    /// Copies all fields.
    pub(super) fn all(headers: &HeaderMap) -> Self {
        let mut kept = Self {
            bytes: Vec::with_capacity(headers.len() * USUAL),
            count: 0,
        };
        for (name, value) in headers {
            kept.push(name.as_str().as_bytes(), value.as_bytes());
        }
        kept
    }

    /// Copies only the content type.
    pub(super) fn content_type(headers: &HeaderMap) -> Self {
        let mut kept = Self::default();
        if let Some(value) = headers.get(header::CONTENT_TYPE) {
            kept.push(header::CONTENT_TYPE.as_str().as_bytes(), value.as_bytes());
        }
        kept
    }

    /// A field that is longer than the copy can say is left out; no head that came over a network has one.
    fn push(&mut self, name: &[u8], value: &[u8]) {
        if let (Ok(name_length), Ok(value_length)) =
            (u32::try_from(name.len()), u32::try_from(value.len()))
        {
            let [a, b, c, d] = name_length.to_ne_bytes();
            let [e, f, g, h] = value_length.to_ne_bytes();
            self.bytes.extend_from_slice(&[a, b, c, d, e, f, g, h]);
            self.bytes.extend_from_slice(name);
            self.bytes.extend_from_slice(value);
            self.count += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (name_length, after) = rest.split_first_chunk::<LENGTH>()?;
            let (value_length, after) = after.split_first_chunk::<LENGTH>()?;
            let (name, after) = after.split_at_checked(u32::from_ne_bytes(*name_length) as usize)?;
            let (value, after) =
                after.split_at_checked(u32::from_ne_bytes(*value_length) as usize)?;
            rest = after;
            Some((name, value))
        })
    }

    fn get_all(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(of, _)| of.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| {
                (
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value),
                )
            }))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_reads_as_the_map_does() {
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("x-a", &b"1"[..]),
            ("content-type", b"text/plain"),
            ("x-a", b""),
            ("x-b", b"\xff"),
        ] {
            map.append(name, HeaderValue::from_bytes(value).expect("a value"));
        }
        let kept = Kept::all(&map);
        let (map, kept) = (Fields::Map(&map), Fields::Kept(&kept));
        assert_eq!(map.len(), 4);
        assert_eq!(kept.len(), 4);
        assert!(map.iter().eq(kept.iter()));
        for name in [
            header::CONTENT_TYPE,
            HeaderName::from_static("x-a"),
            header::HOST,
        ] {
            assert_eq!(map.known(&name), kept.known(&name), "{name}");
            assert_eq!(map.count(&name), kept.count(&name), "{name}");
        }
        for name in [
            &b"x-a"[..],
            b"X-B",
            b"Content-Type",
            b"x-c",
            b"",
            b"no token",
        ] {
            assert_eq!(map.get(name), kept.get(name), "{name:?}");
            assert!(map.get_all(name).eq(kept.get_all(name)), "{name:?}");
        }
        assert_eq!(kept.get_all(b"X-A").collect::<Vec<_>>(), [&b"1"[..], b""]);
    }

    #[test]
    fn the_content_type_can_be_kept_alone() {
        let mut map = HeaderMap::new();
        assert_eq!(Fields::Kept(&Kept::content_type(&map)).len(), 0);
        map.insert("x-a", HeaderValue::from_static("1"));
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static("a/b"));
        let kept = Kept::content_type(&map);
        assert_eq!(Fields::Kept(&kept).len(), 1);
        assert_eq!(Fields::Kept(&kept).get(b"content-type"), Some(&b"a/b"[..]));
    }
}
