//! Where the code of a plugin comes from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Where the code of a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// What its content has to be; `None`: anything.
        sha256: Option<Sha256>,
    },
    /// A server.
    Url(PluginUrl),
}

impl PluginSource {
    /// The file that it is read from; `None` when it is fetched.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Url(_) => None,
        }
    }
}

/// Code that is fetched from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginUrl {
    /// Its address, by HTTP or HTTPS, without a user's name.
    pub url: String,
    /// What it has to be.
    pub sha256: Sha256,
    /// Time for it to be fetched, repetitions included.
    pub timeout: Duration,
}

/// Without the query, in which a key may stand.
impl fmt::Display for PluginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.url.find(['?', '#']).unwrap_or(self.url.len());
        f.write_str(&self.url[..end])
    }
}

/// A digest; as text, 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What is no digest.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits")]
pub struct NoSha256;

impl FromStr for Sha256 {
    type Err = NoSha256;

    fn from_str(text: &str) -> Result<Self, NoSha256> {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return Err(NoSha256);
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Err(NoSha256);
            };
            *byte = u8::try_from(high * 16 + low).map_err(|_| NoSha256)?;
        }
        Ok(Self(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_its_text() {
        let text = "00ff0123456789abcdef".to_owned() + &"7".repeat(44);
        let digest: Sha256 = text.parse().expect("a digest");
        assert_eq!((digest.0[0], digest.0[1]), (0, 255));
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<Sha256>(), Err(NoSha256));
        }
    }
}
