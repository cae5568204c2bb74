//! What guests ask of a stream: recorded by host calls, carried out when no callback of the stream runs.

use super::exchange::Direction;
use super::reply::LocalReply;

/// One thing that a guest asks for.
#[derive(Debug)]
pub(crate) enum Wish {
    /// A direction may go on at the plugin of this place in the chain. Nothing happens if it is not held there.
    Resume(Direction, usize),
    /// An answer in the place of the inner service's. The first one counts.
    Reply(LocalReply),
    /// The stream is to be cut, as a broken connection is.
    Cut,
    /// The route is to be chosen anew when the request goes on.
    Reroute,
}

/// What guests asked for, and nobody has acted on yet.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// A local reply.
    pub(super) reply: Option<LocalReply>,
    /// A reply came too late. Its callback must not hold the stream, since nothing will ever end that.
    pub(super) late_reply: bool,
    /// Directions that may go on at a plugin.
    pub(super) resume: Vec<(Direction, usize)>,
    /// The stream is to be cut.
    pub(super) cut: bool,
    /// The route is to be chosen anew.
    pub(super) reroute: bool,
}

impl Wishes {
    /// Adds one. However many there are, what they take stays small.
    pub(crate) fn add(&mut self, wish: Wish) {
        match wish {
            Wish::Resume(direction, plugin) => {
                if !self.resume.contains(&(direction, plugin)) {
                    self.resume.push((direction, plugin));
                }
            }
            Wish::Reply(reply) => {
                self.reply.get_or_insert(reply);
            }
            Wish::Cut => self.cut = true,
            Wish::Reroute => self.reroute = true,
        }
    }

    /// The wishes one by one.
    pub(super) fn into_each(self) -> impl Iterator<Item = Wish> {
        let resume = self.resume.into_iter();
        let resume = resume.map(|(direction, plugin)| Wish::Resume(direction, plugin));
        let reply = self.reply.map(Wish::Reply);
        let flags = [
            self.cut.then_some(Wish::Cut),
            self.reroute.then_some(Wish::Reroute),
        ];
        resume.chain(reply).chain(flags.into_iter().flatten())
    }
}
