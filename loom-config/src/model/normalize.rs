//! How the path of a request gets its one spelling.

/// What is done to the path of each request before anything judges by it.
///
/// Whatever this says, percent-encoded letters, digits and `-._~` are decoded, and a backslash is a slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NormalizePath {
    /// What becomes of `.` and `..`.
    pub dot_segments: DotSegments,
    /// Whether several slashes in a row become one.
    pub merge_slashes: bool,
    /// What becomes of `%2F` and `%5C`.
    pub escaped_slashes: EscapedSlashes,
}

impl Default for NormalizePath {
    fn default() -> Self {
        Self {
            dot_segments: DotSegments::Resolve,
            merge_slashes: true,
            escaped_slashes: EscapedSlashes::Keep,
        }
    }
}

/// What becomes of the segments `.` and `..`, also of those that are percent-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DotSegments {
    /// They go, and `..` takes the segment before it along (RFC 3986, 5.2.4).
    Resolve,
    /// The request is answered with 400.
    Reject,
}

/// What becomes of percent-encoded slashes and backslashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EscapedSlashes {
    /// They are data inside of a segment.
    Keep,
    /// They are slashes.
    Unescape,
    /// The client is sent to the path in which they are slashes.
    Redirect,
    /// The request is answered with 400.
    Reject,
}
