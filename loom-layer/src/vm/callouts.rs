//! The calls that the guest of one shard has open.

use std::sync::{Arc, Weak};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::shard::Shard;
use crate::callout::{CallRequest, CallResult, Upstream, perform};
use crate::limits;

/// A call that was noted and not made yet.
pub(super) struct Callout {
    pub(super) id: u32,
    /// The context id of the root that gets the answer.
    pub(super) root: u32,
    pub(super) upstream: Upstream,
    pub(super) request: CallRequest,
    pub(super) timeout: Option<Duration>,
}

/// See the module's text.
#[derive(Default)]
pub(super) struct Calls {
    /// The open calls, and the bytes of their bodies.
    open: FxHashMap<u32, usize>,
    bytes: usize,
    last_id: u32,
    noted: Vec<Callout>,
    /// The answer that the guest is being told of.
    answer: Option<Arc<CallResult>>,
}

impl Calls {
    /// An id for a new call; `None` when too many are open. Ids are multiples of 4, as in Envoy: the low bits tell HTTP
    /// calls from gRPC ones.
    pub(super) fn next_id(&mut self, request: &CallRequest) -> Option<u32> {
        if self.open.len() >= limits::CALLS
            || self.bytes + request.size() > limits::CALL_REQUEST_BYTES
        {
            return None;
        }
        loop {
            self.last_id = self.last_id.wrapping_add(4);
            if self.last_id != 0 && !self.open.contains_key(&self.last_id) {
                return Some(self.last_id);
            }
        }
    }

    pub(super) fn note(&mut self, callout: Callout) {
        self.bytes += callout.request.size();
        self.open.insert(callout.id, callout.request.size());
        self.noted.push(callout);
    }

    /// The calls that are to be made now.
    pub(super) fn take_noted(&mut self) -> Vec<Callout> {
        std::mem::take(&mut self.noted)
    }

    /// A call is over; `false` when it was not open.
    pub(super) fn close(&mut self, id: u32) -> bool {
        let bytes = self.open.remove(&id);
        self.bytes -= bytes.unwrap_or_default();
        bytes.is_some()
    }

    /// Sets the answer that host calls read, for one callback.
    pub(super) fn set_answer(&mut self, answer: Option<Arc<CallResult>>) {
        self.answer = answer;
    }

    pub(super) fn answer(&self) -> Option<Arc<CallResult>> {
        self.answer.clone()
    }
}

/// Makes a call, and tells the guest of its end if that is still there.
pub(super) async fn run(shard: Weak<Shard>, callout: Callout) {
    let Callout {
        id,
        root,
        upstream,
        request,
        timeout,
    } = callout;
    let result = Arc::new(perform(upstream, request, timeout).await);
    if let Some(shard) = shard.upgrade() {
        // The VM stays while its guest runs, and with it what the guest stores.
        let vm = shard.vm();
        shard.answer_call(root, id, result).await;
        drop(vm);
    }
}
