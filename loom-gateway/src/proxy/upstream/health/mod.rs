//! Whether endpoints are well: as they answer when they are asked, and as they treat requests.

mod active;
mod passive;

pub(super) use active::start;
