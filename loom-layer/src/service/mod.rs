//! The tower side: a layer, its service, its future and its bodies.

mod body;
mod cell;
mod future;
mod layer;
mod source;

pub use body::{RequestBody, ResponseBody};
pub use future::LoomFuture;
pub use layer::LoomService;
