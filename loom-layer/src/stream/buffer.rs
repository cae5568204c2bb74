//! Bytes of a body that a plugin sees as one buffer. They are kept in the pieces in which they came, and copied only when a
//! guest reads them.

use bytes::Bytes;

use super::queue::Queue;

/// See the module's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Buffer {
    /// None of them is empty.
    pieces: Queue<Bytes>,
    len: usize,
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push_back(piece);
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.len += other.len;
        self.pieces.append(other.pieces);
    }

    /// The first piece.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.len -= piece.len();
        Some(piece)
    }

    /// Copies as many bytes as `out` takes, from `start` on; what lies outside must not be asked for.
    pub(crate) fn copy_to(&self, mut start: usize, mut out: &mut [u8]) -> bool {
        for piece in self.pieces.iter() {
            if out.is_empty() {
                break;
            }
            let Some(part) = piece.get(start..) else {
                start -= piece.len();
                continue;
            };
            start = 0;
            let count = part.len().min(out.len());
            let (now, later) = out.split_at_mut(count);
            now.copy_from_slice(&part[..count]);
            out = later;
        }
        out.is_empty()
    }

    /// Puts `data` in the place of `size` bytes at `start`; both are cut to what is there. So (0, 0) prepends, (0, all)
    /// replaces, and a start behind the end appends.
    pub(crate) fn splice(&mut self, start: usize, size: usize, data: Bytes) {
        let start = start.min(self.len);
        let end = start.saturating_add(size).min(self.len);
        let behind = self.split_off(end);
        self.split_off(start);
        self.push(data);
        self.append(behind);
    }

    /// Keeps the bytes before `at` and returns the others.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let mut whole = std::mem::take(self);
        while let Some(mut piece) = whole.pop() {
            let room = at - self.len;
            if piece.len() > room {
                let behind = piece.split_off(room);
                self.push(piece);
                let mut rest = Self::from(behind);
                rest.append(whole);
                return rest;
            }
            self.push(piece);
        }
        whole
    }
}

impl From<Bytes> for Buffer {
    fn from(piece: Bytes) -> Self {
        let mut buffer = Self::default();
        buffer.push(piece);
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(pieces: &[&'static str]) -> Buffer {
        let mut buffer = Buffer::default();
        for piece in pieces {
            buffer.push(Bytes::from_static(piece.as_bytes()));
        }
        buffer
    }

    fn text(buffer: &Buffer) -> String {
        let mut out = vec![0; buffer.len()];
        assert!(buffer.copy_to(0, &mut out));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn reading_crosses_pieces() {
        let buffer = buffer(&["he", "", "llo", " wor", "ld"]);
        assert_eq!(text(&buffer), "hello world");
        for start in 0..11 {
            for end in start..=11 {
                let mut out = vec![0; end - start];
                assert!(buffer.copy_to(start, &mut out));
                assert_eq!(out, "hello world".as_bytes()[start..end], "{start}..{end}");
            }
        }
        assert!(!buffer.copy_to(8, &mut [0; 4]), "that much is not there");
    }

    #[test]
    fn splicing_is_what_it_is_on_a_string() {
        for pieces in [
            &["hello world"][..],
            &["he", "llo", " wor", "ld"],
            &["h", "ello worl", "d"],
        ] {
            for start in 0..13 {
                for size in [0, 1, 2, 5, 11, usize::MAX] {
                    for data in ["", "XY"] {
                        let mut wanted = String::from("hello world");
                        let from: usize = start.min(11);
                        wanted.replace_range(from..from.saturating_add(size).min(11), data);
                        let mut buffer = buffer(pieces);
                        buffer.splice(start, size, Bytes::from_static(data.as_bytes()));
                        assert_eq!(text(&buffer), wanted, "{pieces:?} {start} {size} {data:?}");
                        assert_eq!(buffer.len(), wanted.len());
                    }
                }
            }
        }
    }

    #[test]
    fn pieces_come_out_as_they_went_in() {
        let mut buffer = buffer(&["a", "bc"]);
        buffer.append(Bytes::from_static(b"d").into());
        let mut pieces = Vec::new();
        while let Some(piece) = buffer.pop() {
            pieces.push(piece);
        }
        assert_eq!(pieces, ["a", "bc", "d"]);
        assert!(buffer.is_empty());
    }
}
