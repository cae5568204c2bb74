//! A fuzzer without feedback: it changes what is known to be interesting, runs it, and keeps what makes a target panic.
//!
//! Each input is a function of the seed and its number alone, so that every one of them can be had again without those
//! before it, even where the target took the process with it.

mod artifact;
mod mutate;
mod run;
mod shrink;

pub use self::mutate::Mutator;
pub use self::run::{Found, Plan, Ran, run};
