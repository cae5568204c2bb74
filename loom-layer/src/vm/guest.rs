//! A plugin as the stream state machine meets it.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::background::Background;
use super::pool::Vm;
use super::shard::Shard;
use super::spec::Root;
use crate::abi::Action;
use crate::afterwards::afterwards;
use crate::stream::{Callback, Direction, Exchange, Failed, Guest, Terms};

/// A plugin with its root contexts in a VM. When its last user is gone, they are ended.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) vm: Arc<Vm>,
    pub(crate) root: Arc<Root>,
}

impl Attached {
    /// Whether the plugin can read properties at all.
    pub(crate) fn reads_properties(&self) -> bool {
        self.vm.compiled.reads_properties
    }

    /// Whether the plugin has this callback and its phase allows it.
    fn wants(&self, callback: Callback) -> bool {
        let has = self.vm.compiled.callbacks.has(callback);
        has && callback
            .phase()
            .is_none_or(|phase| self.root.phase <= phase)
    }

    /// Whether a stream may come to have a context in this plugin: it has one with its first callback, and one that is only
    /// about the end of a context is none.
    pub(crate) fn takes_part_in_streams(&self) -> bool {
        let begins = |callback: &Callback| *callback != Callback::Done;
        Callback::IN_PHASES
            .into_iter()
            .filter(begins)
            .any(|callback| self.wants(callback))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.vm.retire(&self.root);
    }
}

/// One plugin's side of one stream.
#[derive(Debug)]
pub(crate) struct PluginGuest {
    plugin: Arc<Attached>,
    /// Where the stream's context lives, from its creation on.
    shard: Option<Arc<Shard>>,
    context: Option<u32>,
}

impl PluginGuest {
    pub(crate) fn new(plugin: Arc<Attached>) -> Self {
        Self {
            plugin,
            shard: None,
            context: None,
        }
    }

    /// How long the plugin may hold the stream.
    pub(crate) fn pause_timeout(&self) -> Duration {
        self.plugin.root.pause_timeout
    }

    /// Where what belongs to no request runs.
    pub(crate) fn background(&self) -> &Background {
        &self.plugin.vm.platform.background
    }
}

impl Guest for PluginGuest {
    fn wants(&self, callback: Callback) -> bool {
        self.plugin.wants(callback)
    }

    fn resumed_nothing(&self, direction: Direction) {
        let root = &self.plugin.root;
        let (about, call) = match direction {
            Direction::Request => ("resume a request", "proxy_on_request_*"),
            Direction::Response => ("resume a response", "proxy_on_response_*"),
        };
        if root.hints.first(about, call) {
            let plugin = Arc::clone(&root.name);
            afterwards(
                move || tracing::warn!(target: "loom::stream", plugin = &*plugin, ?direction, "a plugin resumed what it does not hold, and nothing happens; only what {call} held with Pause can be resumed"),
            );
        }
    }

    fn terms(&self) -> Terms {
        self.plugin.root.terms
    }

    fn is_alive(&self) -> bool {
        self.shard.as_ref().is_none_or(|shard| !shard.has_failed())
    }

    fn name(&self) -> &str {
        &self.plugin.root.name
    }

    fn poll_enter(
        &mut self,
        cx: &mut Context<'_>,
        callbacks: &[Callback],
        exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Poll<Result<Action, Failed>>) {
        let Self {
            plugin,
            shard,
            context,
        } = self;
        let root = &plugin.root;
        // The exchange goes in by value and comes back the same way, whichever way this ends.
        let mut exchange = Some(exchange);
        let poll = match shard {
            Some(shard) => poll_seat(
                shard,
                cx,
                |entry, exchange| entry.run(root, context, callbacks, exchange),
                &mut exchange,
            ),
            None => {
                let seat = shard;
                plugin.vm.with_shard(cx, |shard, entry| {
                    *seat = Some(Arc::clone(shard));
                    run_with(&mut exchange, |exchange| {
                        entry.run(root, context, callbacks, exchange)
                    })
                })
            }
        };
        let poll = poll.map(|result| result.unwrap_or(Err(Failed)));
        (
            exchange.expect("every way out puts the exchange back"),
            poll,
        )
    }
}

fn poll_seat(
    shard: &Arc<Shard>,
    cx: &mut Context<'_>,
    run: impl FnOnce(
        &mut super::shard::Entry<'_>,
        Box<Exchange>,
    ) -> (Box<Exchange>, Result<Action, Failed>),
    exchange: &mut Option<Box<Exchange>>,
) -> Poll<Option<Result<Action, Failed>>> {
    let entry = ready!(shard.poll_enter(cx));
    Poll::Ready(entry.map(|mut entry| run_with(exchange, |exchange| run(&mut entry, exchange))))
}

fn run_with(
    slot: &mut Option<Box<Exchange>>,
    run: impl FnOnce(Box<Exchange>) -> (Box<Exchange>, Result<Action, Failed>),
) -> Result<Action, Failed> {
    let Some(exchange) = slot.take() else {
        return Err(Failed);
    };
    let (exchange, result) = run(exchange);
    *slot = Some(exchange);
    result
}
