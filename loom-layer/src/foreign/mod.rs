//! Foreign functions: what guests call by name, beyond the functions of the ABI (`proxy_call_foreign_function`).

mod zlib;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

/// A plugin's call of a foreign function.
#[derive(Debug, Clone, Copy)]
pub struct ForeignCall<'a> {
    plugin: &'a str,
    arguments: &'a [u8],
}

impl<'a> ForeignCall<'a> {
    pub(crate) fn new(plugin: &'a str, arguments: &'a [u8]) -> Self {
        Self { plugin, arguments }
    }

    /// The name of the plugin that calls.
    pub fn plugin(&self) -> &'a str {
        self.plugin
    }

    /// What it passed.
    pub fn arguments(&self) -> &'a [u8] {
        self.arguments
    }
}

/// Why a foreign function has no result. These are the statuses that SDKs know of this call; others make some of them
/// panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignError {
    /// What was asked for is not there. A function that does not exist answers so too.
    NotFound,
    /// The arguments make no sense.
    BadArgument,
    /// The arguments or the result cannot be encoded or decoded.
    Serialization,
    /// Something of the host failed.
    Internal,
}

impl fmt::Display for ForeignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::BadArgument => "bad argument",
            Self::Serialization => "cannot be encoded or decoded",
            Self::Internal => "failed in the host",
        })
    }
}

impl std::error::Error for ForeignError {}

type Function = dyn Fn(&ForeignCall<'_>) -> Result<Bytes, ForeignError> + Send + Sync;

/// The foreign functions of a runtime, by name.
#[derive(Clone)]
pub(crate) struct ForeignFunctions {
    functions: HashMap<String, Arc<Function>>,
}

/// How the call of a foreign function ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ForeignResult {
    Done(Result<Bytes, ForeignError>),
    /// There is no such function.
    Unknown,
    Panicked,
}

impl Default for ForeignFunctions {
    /// Those that this host has itself.
    fn default() -> Self {
        let mut this = Self {
            functions: HashMap::new(),
        };
        this.add("compress", |call| zlib::compress(call.arguments()));
        this.add("uncompress", |call| zlib::uncompress(call.arguments()));
        this
    }
}

impl ForeignFunctions {
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        function: impl Fn(&ForeignCall<'_>) -> Result<Bytes, ForeignError> + Send + Sync + 'static,
    ) {
        self.functions.insert(name.into(), Arc::new(function));
    }

    /// Runs a function. A panic ends in it, since a guest is in the middle of a call.
    pub(crate) fn run(&self, name: &[u8], call: &ForeignCall<'_>) -> ForeignResult {
        let known = std::str::from_utf8(name).ok();
        let Some(function) = known.and_then(|name| self.functions.get(name)) else {
            return ForeignResult::Unknown;
        };
        match catch_unwind(AssertUnwindSafe(|| function(call))) {
            Ok(result) => ForeignResult::Done(result),
            Err(_) => ForeignResult::Panicked,
        }
    }
}

impl fmt::Debug for ForeignFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.functions.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(functions: &ForeignFunctions, name: &str, arguments: &[u8]) -> ForeignResult {
        functions.run(name.as_bytes(), &ForeignCall::new("plugin", arguments))
    }

    #[test]
    fn an_application_adds_and_replaces_functions() {
        let mut functions = ForeignFunctions::default();
        assert_eq!(run(&functions, "hello", b""), ForeignResult::Unknown);
        functions.add("hello", |call: &ForeignCall<'_>| {
            Ok(Bytes::from(format!("hello {}", call.plugin())))
        });
        functions.add("compress", |_: &ForeignCall<'_>| {
            Err(ForeignError::NotFound)
        });
        assert_eq!(
            run(&functions, "hello", b""),
            ForeignResult::Done(Ok(Bytes::from("hello plugin")))
        );
        assert_eq!(
            run(&functions, "compress", b"x"),
            ForeignResult::Done(Err(ForeignError::NotFound))
        );
    }

    #[test]
    fn names_are_exact() {
        let functions = ForeignFunctions::default();
        for name in ["", "Compress", "compress ", "clear_route_cache"] {
            assert_eq!(run(&functions, name, b""), ForeignResult::Unknown, "{name}");
        }
        let call = ForeignCall::new("plugin", b"");
        assert_eq!(functions.run(b"\xFF", &call), ForeignResult::Unknown);
    }

    #[test]
    fn a_panic_stays_inside() {
        let mut functions = ForeignFunctions::default();
        functions.add("bad", |_: &ForeignCall<'_>| panic!("on purpose"));
        assert_eq!(run(&functions, "bad", b""), ForeignResult::Panicked);
    }
}
