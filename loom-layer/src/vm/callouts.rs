//! The calls that the guest of one shard has open.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures_util::future::{Either, select};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::shard::Shard;
use crate::abi::Status;
use crate::afterwards::afterwards;
use crate::callout::{Budget, Call, CallEvent, GrpcStatus, Piece, Sender};
use crate::limits;
use crate::observer::CalloutObserver;

/// What a call is. The low bits of its id say so, as in Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    Grpc,
    Stream,
}

impl Kind {
    const MASK: u32 = 0b11;

    const fn bits(self) -> u32 {
        match self {
            Self::Http => 0b00,
            Self::Grpc => 0b01,
            Self::Stream => 0b10,
        }
    }

    const fn is(self, id: u32) -> bool {
        id & Self::MASK == self.bits()
    }
}

/// A call that was noted and not made yet.
pub(super) struct Callout {
    id: u32,
    call: Call,
    end: oneshot::Receiver<GrpcStatus>,
    observer: Option<Box<dyn CalloutObserver>>,
}

/// A call of which the guest waits for something. What it does with one runs under the VM's lock, and a message and an end
/// wake somebody else: both are put off until the lock is free.
struct Open {
    /// The context id of the root that is told.
    root: u32,
    /// Where a stream's messages go, until the guest has sent its last one.
    messages: Option<Sender>,
    /// The server ended it: its end is being told, or was.
    is_over: bool,
    /// Dropped, it cancels the call. A status sent to it ends the call and is told.
    end: Option<oneshot::Sender<GrpcStatus>>,
}

/// See the module's text. Dropped, all calls are cancelled.
#[derive(Default)]
pub(super) struct Calls {
    open: FxHashMap<u32, Open>,
    pub(super) budget: Budget,
    last_id: u32,
    noted: Vec<Callout>,
    /// Streams that the server ended and the guest did not, the oldest first.
    ended: VecDeque<u32>,
    /// What the guest is being told.
    event: Option<Arc<CallEvent>>,
}

impl Calls {
    /// An id for a new call; `None` when too many are open.
    pub(super) fn next_id(&mut self, kind: Kind) -> Option<u32> {
        if self.open.len() >= limits::CALLS {
            return None;
        }
        loop {
            self.last_id = (self.last_id & !Kind::MASK).wrapping_add(Kind::MASK + 1) | kind.bits();
            if self.last_id > Kind::MASK && !self.open.contains_key(&self.last_id) {
                return Some(self.last_id);
            }
        }
    }

    /// Notes a call that is to be made when the guest has returned.
    pub(super) fn note(
        &mut self,
        id: u32,
        root: u32,
        call: Call,
        messages: Option<Sender>,
        observer: Option<Box<dyn CalloutObserver>>,
    ) {
        let (sender, end) = oneshot::channel();
        let open = Open {
            root,
            messages,
            is_over: false,
            end: Some(sender),
        };
        self.open.insert(id, open);
        self.noted.push(Callout {
            id,
            call,
            end,
            observer,
        });
    }

    /// The calls that are to be made now.
    pub(super) fn take_noted(&mut self) -> Vec<Callout> {
        std::mem::take(&mut self.noted)
    }

    /// Sends a message of a stream. What comes after the guest's own last one, or the server's end, is dropped, as in Envoy.
    /// `None` is a message for which there is no room: it ends the stream.
    pub(super) fn send(
        &mut self,
        id: u32,
        message: Option<Bytes>,
        last: bool,
    ) -> Result<(), Status> {
        if !Kind::Stream.is(id) {
            return Err(Status::BadArgument);
        }
        let Some(open) = self.open.get_mut(&id) else {
            return self.was_ended(id);
        };
        let Some(messages) = open.messages.as_ref().filter(|_| !open.is_over) else {
            return Ok(());
        };
        let Some(message) = message else {
            // A status of this host call would be lost on many a plugin, and a hole in the stream be worse than its end.
            let (end, messages) = (open.end.take(), open.messages.take());
            afterwards(move || {
                drop(messages);
                let _ = end.map(|end| end.send(TOO_MUCH));
            });
            return Ok(());
        };
        send(messages.clone(), Piece { message, last });
        if last {
            open.messages = None;
        }
        Ok(())
    }

    /// Ends the guest's side of a stream; a call it cancels.
    pub(super) fn close(&mut self, id: u32) -> Result<(), Status> {
        if !Kind::Stream.is(id) {
            return self.cancel(id);
        }
        let Some(open) = self.open.get_mut(&id) else {
            return self.end(id);
        };
        if open.is_over {
            return self.cancel(id);
        }
        if let Some(messages) = open.messages.take() {
            let message = Bytes::new();
            let last = true;
            send(messages, Piece { message, last });
        }
        Ok(())
    }

    /// Cancels a gRPC call or stream: nothing more is told of it.
    pub(super) fn cancel(&mut self, id: u32) -> Result<(), Status> {
        if Kind::Http.is(id) || id & Kind::MASK == Kind::MASK {
            return Err(Status::BadArgument);
        }
        match self.open.remove(&id) {
            Some(open) => {
                afterwards(move || drop(open));
                Ok(())
            }
            None => self.end(id),
        }
    }

    /// Cancels what a root context has open: it is gone.
    pub(super) fn forget(&mut self, root: u32) {
        let gone = self.open.extract_if(|_, open| open.root == root);
        let gone: Vec<_> = gone.collect();
        afterwards(move || drop(gone));
    }

    /// Begins to tell of an event, which host calls can read from now on. `None`: the call was cancelled; else the context
    /// to tell.
    pub(super) fn begin(&mut self, id: u32, event: Arc<CallEvent>) -> Option<u32> {
        let open = self.open.get_mut(&id)?;
        open.is_over = is_last(id, &event);
        self.event = Some(event);
        Some(open.root)
    }

    /// The event was told.
    pub(super) fn finish(&mut self, id: u32) {
        self.event = None;
        let Some(open) = self.open.get(&id).filter(|open| open.is_over) else {
            return;
        };
        if open.messages.is_some() && Kind::Stream.is(id) {
            if self.ended.len() == limits::ENDED_STREAMS {
                self.ended.pop_front();
            }
            self.ended.push_back(id);
        }
        let open = self.open.remove(&id);
        afterwards(move || drop(open));
    }

    /// What the guest is being told.
    pub(super) fn event(&self) -> Option<Arc<CallEvent>> {
        self.event.clone()
    }

    fn was_ended(&self, id: u32) -> Result<(), Status> {
        let known = self.ended.contains(&id);
        known.then_some(()).ok_or(Status::NotFound)
    }

    fn end(&mut self, id: u32) -> Result<(), Status> {
        let at = self.ended.iter().position(|&ended| ended == id);
        at.and_then(|at| self.ended.remove(at))
            .map(|_| ())
            .ok_or(Status::NotFound)
    }
}

fn send(messages: Sender, piece: Piece) {
    // Whoever read them may have gone: the end is on its way then.
    afterwards(move || drop(messages.send(piece)));
}

const TOO_MUCH: GrpcStatus = GrpcStatus::new(
    GrpcStatus::RESOURCE_EXHAUSTED,
    "too much waits to be sent in this VM",
);

/// Whether nothing follows an event.
fn is_last(id: u32, event: &CallEvent) -> bool {
    match event {
        CallEvent::Response { .. } | CallEvent::Reset | CallEvent::Closed(_) => true,
        CallEvent::Message(_) => Kind::Grpc.is(id),
        CallEvent::InitialMetadata(_) | CallEvent::TrailingMetadata(_) => false,
    }
}

/// Makes a call, and tells the guest of it until it ends or is cancelled.
pub(super) async fn run(shard: Weak<Shard>, callout: Callout) {
    let Callout {
        id,
        call,
        end,
        observer,
    } = callout;
    let told = std::pin::pin!(tell_all(&shard, id, call, observer));
    let status = match select(end, told).await {
        Either::Left((status, _)) => status,
        Either::Right(_) => return,
    };
    if let Ok(status) = status {
        tell(&shard, id, CallEvent::Closed(status)).await;
    }
}

async fn tell_all(
    shard: &Weak<Shard>,
    id: u32,
    mut call: Call,
    mut observer: Option<Box<dyn CalloutObserver>>,
) {
    while let Some(event) = call.next().await {
        if let Some(observer) = &mut observer
            && let Some(answer) = event.answer()
        {
            observer.answered(answer);
        }
        if !tell(shard, id, event).await {
            return;
        }
        // The thread has others to serve, and a server may have much to say.
        tokio::task::yield_now().await;
    }
}

/// Tells the guest of an event; `false` when it is not there any more or does not want to hear.
async fn tell(shard: &Weak<Shard>, id: u32, event: CallEvent) -> bool {
    let Some(shard) = shard.upgrade() else {
        return false;
    };
    // The VM stays while its guest runs, and with it what the guest stores.
    let vm = shard.vm();
    let told = shard.tell(id, Arc::new(event)).await;
    drop(vm);
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callout::Outgoing;

    /// Notes a stream of the root context `root`, as far as the table is concerned.
    fn stream(calls: &mut Calls, root: u32) -> u32 {
        let id = calls.next_id(Kind::Stream).expect("room");
        let (messages, _) = Outgoing::new();
        calls.note(id, root, Call::Http(None), Some(messages), None);
        id
    }

    fn tell(calls: &mut Calls, id: u32, event: CallEvent) -> Option<u32> {
        let root = calls.begin(id, Arc::new(event));
        calls.finish(id);
        root
    }

    fn closed() -> CallEvent {
        CallEvent::Closed(GrpcStatus::new(GrpcStatus::OK, ""))
    }

    #[test]
    fn the_low_bits_of_an_id_say_what_it_is() {
        let mut calls = Calls::default();
        let kinds = [Kind::Http, Kind::Grpc, Kind::Stream, Kind::Http];
        let ids = kinds.map(|kind| calls.next_id(kind));
        assert_eq!(ids, [Some(4), Some(9), Some(14), Some(16)]);
        calls.last_id = u32::MAX - 1;
        assert_eq!(calls.next_id(Kind::Grpc), Some(5), "0 is no id");
    }

    #[test]
    fn an_id_is_not_given_two_times() {
        let mut calls = Calls::default();
        let first = stream(&mut calls, 1);
        calls.last_id = 0;
        assert_eq!(stream(&mut calls, 1), first + 4);
    }

    #[test]
    fn only_the_calls_of_the_root_context_that_is_gone_are_cancelled() {
        let mut calls = Calls::default();
        let (one, two) = (stream(&mut calls, 1), stream(&mut calls, 2));
        let mut noted = calls.take_noted();
        calls.forget(1);
        let cancelled = noted.iter_mut().map(|callout| callout.end.try_recv());
        let cancelled: Vec<_> = cancelled.map(Result::err).collect();
        use oneshot::error::TryRecvError::{Closed, Empty};
        assert_eq!(cancelled, [Some(Closed), Some(Empty)]);
        assert_eq!(tell(&mut calls, one, closed()), None);
        assert_eq!(tell(&mut calls, two, closed()), Some(2));
        assert!(calls.open.is_empty());
    }

    #[test]
    fn places_are_limited_and_come_back() {
        let mut calls = Calls::default();
        let ids: Vec<_> = (0..limits::CALLS).map(|_| stream(&mut calls, 1)).collect();
        assert_eq!(calls.next_id(Kind::Http), None);
        assert_eq!(tell(&mut calls, ids[0], closed()), Some(1));
        assert_eq!(calls.cancel(ids[1]), Ok(()));
        stream(&mut calls, 1);
        stream(&mut calls, 1);
        assert_eq!(calls.next_id(Kind::Http), None);
    }

    #[test]
    fn the_oldest_ended_streams_are_forgotten() {
        let mut calls = Calls::default();
        let first = stream(&mut calls, 1);
        tell(&mut calls, first, closed());
        assert_eq!(calls.send(first, Some(Bytes::new()), false), Ok(()));
        for _ in 0..limits::ENDED_STREAMS {
            let id = stream(&mut calls, 1);
            tell(&mut calls, id, closed());
        }
        assert_eq!(calls.ended.len(), limits::ENDED_STREAMS);
        assert_eq!(
            calls.send(first, Some(Bytes::new()), false),
            Err(Status::NotFound)
        );
        let last = *calls.ended.back().expect("some");
        assert_eq!(calls.close(last), Ok(()));
        assert_eq!(calls.close(last), Err(Status::NotFound));
    }

    #[test]
    fn no_room_for_a_message_ends_its_stream() {
        let mut calls = Calls::default();
        let id = stream(&mut calls, 1);
        let mut noted = calls.take_noted();
        assert_eq!(calls.send(id, None, false), Ok(()));
        let status = noted[0].end.try_recv().expect("it is told");
        assert_eq!(status.code, GrpcStatus::RESOURCE_EXHAUSTED);
        assert_eq!(calls.send(id, Some(Bytes::new()), false), Ok(()));
        assert_eq!(tell(&mut calls, id, CallEvent::Closed(status)), Some(1));
        assert!(calls.open.is_empty() && calls.ended.is_empty());
    }
}
