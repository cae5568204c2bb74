//! Messages out of the bytes of a response's body ("gRPC over HTTP/2", Length-Prefixed-Message).

use bytes::{Buf, Bytes, BytesMut};

use super::super::GrpcStatus;

/// A byte that says whether the message is compressed, and four for its length.
const PREFIX: usize = 5;

/// The prefix of a message; `None` when the message is too long for one.
pub(crate) fn prefix(message: &[u8]) -> Option<[u8; PREFIX]> {
    let mut prefix = [0; PREFIX];
    prefix[1..].copy_from_slice(&u32::try_from(message.len()).ok()?.to_be_bytes());
    Some(prefix)
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Messages {
    unread: BytesMut,
    limit: usize,
}

impl Messages {
    /// Messages of up to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        let unread = BytesMut::new();
        Self { unread, limit }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        self.unread.extend_from_slice(data);
    }

    /// The next message, if all of it is there.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, GrpcStatus> {
        let Some((&[flags, a, b, c, d], rest)) = self.unread.split_first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.limit {
            return Err(GrpcStatus::new(
                GrpcStatus::RESOURCE_EXHAUSTED,
                "the message is too large",
            ));
        }
        if flags != 0 && length > 0 {
            // Nothing was said about compression in the request, so that there must be none.
            return Err(GrpcStatus::new(
                GrpcStatus::INTERNAL,
                "the message is compressed",
            ));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.unread.advance(PREFIX);
        Ok(Some(self.unread.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(message: &[u8]) -> Vec<u8> {
        let prefix = prefix(message).expect("a short message");
        [&prefix[..], message].concat()
    }

    #[test]
    fn messages_come_out_however_they_are_cut() {
        let all = [wire(b"one"), wire(b""), wire(b"three")].concat();
        for size in 1..=all.len() {
            let mut messages = Messages::new(5);
            let mut seen = Vec::new();
            for part in all.chunks(size) {
                messages.push(part);
                while let Some(message) = messages.next().expect("they are right") {
                    seen.push(message);
                }
            }
            assert_eq!(seen, ["one", "", "three"], "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_compressed_or_too_large_is_refused_at_its_prefix() {
        for (prefix, code) in [
            ([1, 0, 0, 0, 1], 13),
            ([0, 0, 0, 0, 6], 8),
            ([0, 255, 255, 255, 255], 8),
        ] {
            let mut messages = Messages::new(5);
            messages.push(&prefix);
            assert_eq!(messages.next().expect_err("refused").code, code);
        }
        // Nothing is nothing, compressed or not.
        let mut messages = Messages::new(5);
        messages.push(&[1, 0, 0, 0, 0]);
        assert_eq!(messages.next().expect("a message").expect("all of it"), "");
    }
}
