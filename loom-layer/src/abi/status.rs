//! What a host call answers (Proxy-Wasm 0.2.1, `proxy_status_t`).

/// The status that a host call returns to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    InvalidMemoryAccess = 6,
    Empty = 7,
    CasMismatch = 8,
    InternalFailure = 10,
    Unimplemented = 12,
}

impl From<Status> for u32 {
    #[expect(
        clippy::as_conversions,
        reason = "the discriminants above are the numbers"
    )]
    fn from(status: Status) -> Self {
        status as Self
    }
}
