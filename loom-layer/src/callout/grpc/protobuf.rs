//! The fields of a serialized protobuf message ("Protocol Buffers Encoding"), without a schema: enough to read a few of one
//! message, and too little for a library with a code generator behind it.

use super::target::NoTarget;

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
    /// Of a fixed width, which no field here has.
    Fixed,
}

/// Number and value of each field, in their order. What is no message gives an error, and then nothing more.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), NoTarget>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(NoTarget::Unknown))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 0b111 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            // Groups, which proto3 does not have.
            _ => return None,
        };
        Some((tag >> 3, value)).filter(|(number, _)| *number > 0)
    }

    /// Seven bits in each byte, the lowest first; the eighth says whether more follow.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Vec<Result<(u64, Value<'_>), NoTarget>> {
        Fields(bytes).collect()
    }

    #[test]
    fn fields_of_every_width() {
        let message = b"\x08\x96\x01\x12\x02hi\x19abcdefgh\x25abcd\x98\x06\x00";
        let read: Result<Vec<_>, _> = Fields(message).collect();
        assert_eq!(
            read.expect("a message"),
            [
                (1, Value::Number(150)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Fixed),
                (4, Value::Fixed),
                (99, Value::Number(0)),
            ]
        );
    }

    #[test]
    fn what_is_cut_off_or_odd_is_an_error_and_the_end() {
        for bytes in [
            &b"\x08"[..],
            b"\x12\x05hi",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x0b\x0c",
            b"\x02\x00",
            b"grpc",
        ] {
            assert_eq!(fields(bytes), [Err(NoTarget::Unknown)], "{bytes:?}");
        }
    }
}
