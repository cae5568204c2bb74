//! Which version of the ABI a module speaks.

use std::fmt;

/// A version, named by the marker that the module exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AbiVersion {
    V0_1_0,
    V0_2_0,
    V0_2_1,
}

impl AbiVersion {
    /// What every marker's name begins with.
    pub(crate) const MARKER: &'static str = "proxy_abi_version_";

    /// The version that an export's name marks.
    pub(crate) fn from_marker(export: &str) -> Option<Self> {
        match export.strip_prefix(Self::MARKER)? {
            "0_1_0" => Some(Self::V0_1_0),
            "0_2_0" => Some(Self::V0_2_0),
            "0_2_1" => Some(Self::V0_2_1),
            _ => None,
        }
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        })
    }
}
