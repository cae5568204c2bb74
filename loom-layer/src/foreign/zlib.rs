//! `compress` and `uncompress`: the zlib format, as Envoy's functions of these names have it.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::ForeignError;
use crate::limits;

pub(super) fn compress(plain: &[u8]) -> Result<Bytes, ForeignError> {
    if plain.len() > limits::ZLIB_BYTES {
        return Err(ForeignError::Serialization);
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .map(Bytes::from)
        .map_err(|_| ForeignError::Serialization)
}

pub(super) fn uncompress(packed: &[u8]) -> Result<Bytes, ForeignError> {
    let mut plain = Vec::new();
    // One byte more than is allowed, so that more is noticed.
    let read = ZlibDecoder::new(packed)
        .take(limits::ZLIB_BYTES as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|_| ForeignError::Serialization)?;
    if read > limits::ZLIB_BYTES {
        return Err(ForeignError::Serialization);
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let long = vec![b'x'; 100_000];
        for plain in [&b""[..], b"a", b"hello hello hello", &long] {
            let packed = compress(plain).expect("it is short enough");
            assert_eq!(packed[0], 0x78, "the zlib header");
            assert_eq!(uncompress(&packed).expect("it is whole"), plain);
        }
    }

    #[test]
    fn damaged_and_cut_off_input_is_refused() {
        let packed = compress(b"hello hello hello").expect("short");
        for end in 0..packed.len() {
            let result = uncompress(&packed[..end]);
            assert_eq!(result, Err(ForeignError::Serialization), "{end} bytes");
        }
        let mut damaged = packed.to_vec();
        *damaged.last_mut().expect("not empty") ^= 1;
        assert_eq!(uncompress(&damaged), Err(ForeignError::Serialization));
        assert!(uncompress(b"not zlib").is_err());
    }

    #[test]
    fn a_bomb_is_refused() {
        let most = vec![0; limits::ZLIB_BYTES];
        let packed = compress(&most).expect("as much as is allowed");
        assert_eq!(uncompress(&packed).expect("the same").len(), most.len());
        assert!(compress(&vec![0; limits::ZLIB_BYTES + 1]).is_err());

        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&most).expect("memory");
        encoder.write_all(b"x").expect("memory");
        let bomb = encoder.finish().expect("memory");
        assert_eq!(uncompress(&bomb), Err(ForeignError::Serialization));
    }
}
