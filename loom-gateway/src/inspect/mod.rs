//! What a configuration does with requests, told without serving any: the routes in the order in which they are asked, and
//! the way of one request.
//!
//! All of it is asked of the code that serves requests. No plugin is loaded and no upstream looked up.

mod decision;
mod reason;
mod table;
mod way;
mod words;

pub(crate) use decision::{Decision, Outcome, host, location, target};
pub(crate) use reason::Reason;
pub(crate) use table::{Row, Table};
pub(crate) use way::{Step, Way, listens};
pub(crate) use words::{count, does};
