//! Where the gateway knowingly answers otherwise than h2spec expects.

/// A case that fails, and why that is no fault.
#[derive(Debug)]
pub(super) struct Deviation {
    /// The listeners on which it fails.
    pub(super) listeners: &'static [&'static str],
    /// The section, as h2spec names it.
    pub(super) section: &'static str,
    /// The case's title.
    pub(super) title: &'static str,
    /// What the RFC says that allows it.
    pub(super) why: &'static str,
}

/// All of them.
pub(super) const ALL: &[Deviation] = &[Deviation {
    listeners: &["plain"],
    section: "http2/3.5",
    title: "Sends invalid connection preface",
    why: "RFC 9113, 3.4: \"an invalid preface indicates that the peer is not using HTTP/2\". The port takes HTTP/1.1 \
          too, so the answer is one of HTTP/1.1, 400, and the connection is closed. h2spec reads frames only.",
}];
