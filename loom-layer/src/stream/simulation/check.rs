//! What has to hold after each step, and at the end.

use http::header::CONTENT_LENGTH;

use super::super::*;
use super::body::Ending;
use super::puppet::{Entry, LIMIT};
use super::world::World;

/// The largest frame of a body.
const FRAME: usize = 4;

pub(super) type Check = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err(format!($($why)+));
        }
    };
}

pub(super) fn after_step(world: &World) -> Check {
    bounded_buffers(world)?;
    for (direction, out) in [Direction::Request, Direction::Response]
        .iter()
        .zip(&world.out)
    {
        ensure!(
            out.end != Some(Ending::Cut)
                || world.left
                || world.stream.is_ending()
                || world.shared.may_cut.get(),
            "{direction:?} was cut for no reason"
        );
    }
    Ok(())
}

/// When all plugins have a limit, none holds more than that and what another one let go at once, and no more waits for it.
fn bounded_buffers(world: &World) -> Check {
    const MOST: usize = 3 * LIMIT + 2 * FRAME;
    let filters = &world.stream.filters;
    let limit = |filter: &Filter<_>| Guest::terms(&filter.guest).max_buffered_body;
    if filters.iter().any(|filter| limit(filter) != LIMIT) {
        return Ok(());
    }
    for filter in filters {
        for flow in filter.flows.iter().flatten() {
            let waiting: usize = flow.inbox.iter().map(flow::Piece::len).sum();
            for (size, what) in [(flow.held.len(), "are held by"), (waiting, "wait for")] {
                ensure!(size <= MOST, "{size} bytes {what} {}", filter.guest.name());
            }
        }
    }
    Ok(())
}

pub(super) fn at_the_end(world: &World) -> Check {
    let diaries = world.shared.diaries.borrow();
    for (place, diary) in diaries.iter().enumerate() {
        let alive = world.shared.alive.borrow()[place];
        one_plugin(diary, alive).map_err(|why| format!("p{place}: {why}"))?;
    }
    in_turn(&diaries)?;
    no_context(world)?;
    answer(world)?;
    bodies(world)?;
    lengths(world)
}

/// Callbacks in their order, each as often as it may come.
fn one_plugin(diary: &[Entry], alive: bool) -> Check {
    let callbacks: Vec<_> = diary.iter().map(|entry| entry.callback).collect();
    let Some(first) = callbacks.first() else {
        return Ok(());
    };
    ensure!(
        *first == Callback::Create,
        "{callbacks:?} does not begin with create"
    );
    let count = |wanted| {
        callbacks
            .iter()
            .filter(|&&callback| callback == wanted)
            .count()
    };
    for once in [
        Callback::Create,
        Callback::Log,
        Callback::Done,
        Callback::Delete,
    ] {
        ensure!(count(once) <= 1, "{once:?} twice");
    }
    for direction in [Direction::Request, Direction::Response] {
        let places = callbacks.iter().filter_map(|callback| match *callback {
            Callback::Headers(of, _) if of == direction => Some(0),
            Callback::Body(of, End::Open) if of == direction => Some(1),
            Callback::Body(of, End::Last) if of == direction => Some(2),
            Callback::Trailers(of) if of == direction => Some(3),
            _ => None,
        });
        let places: Vec<_> = places.collect();
        // Only a part of a body may come again; and the last part is followed by nothing.
        let in_order = places
            .windows(2)
            .all(|pair| (pair[0] < pair[1] && pair != [2, 3]) || pair == [1, 1]);
        ensure!(in_order, "{direction:?} came as {callbacks:?}");
    }
    let is_end =
        |callback: &Callback| matches!(callback, Callback::Log | Callback::Done | Callback::Delete);
    let end = callbacks.iter().position(is_end).unwrap_or(callbacks.len());
    ensure!(
        callbacks[end..].iter().all(is_end),
        "{callbacks:?} goes on after its end"
    );
    let order: Vec<_> = callbacks[end..].to_vec();
    let wanted = [Callback::Log, Callback::Done, Callback::Delete];
    let sorted: Vec<_> = wanted
        .into_iter()
        .filter(|callback| order.contains(callback))
        .collect();
    ensure!(order == sorted, "{order:?} is the wrong order");
    ensure!(
        !alive || callbacks.last() == Some(&Callback::Delete),
        "{callbacks:?} is not closed"
    );
    Ok(())
}

/// Requests and ends pass the plugins forwards, responses backwards.
fn in_turn(diaries: &[Vec<Entry>]) -> Check {
    let number = |diary: &[Entry], wanted: Wanted| {
        diary
            .iter()
            .find(|entry| wanted(entry.callback))
            .map(|entry| entry.number)
    };
    type Wanted = fn(Callback) -> bool;
    let passes: [(Wanted, bool); 3] = [
        (
            |callback| matches!(callback, Callback::Headers(Direction::Request, _)),
            false,
        ),
        (
            |callback| matches!(callback, Callback::Headers(Direction::Response, _)),
            true,
        ),
        (|callback| callback == Callback::Log, false),
    ];
    for (wanted, backwards) in passes {
        let mut numbers: Vec<_> = diaries
            .iter()
            .filter_map(|diary| number(diary, wanted))
            .collect();
        if backwards {
            numbers.reverse();
        }
        ensure!(
            numbers.is_sorted(),
            "plugins were passed in the order {numbers:?}"
        );
    }
    Ok(())
}

fn no_context(world: &World) -> Check {
    for filter in &world.stream.filters {
        ensure!(
            matches!(filter.state, FilterState::Fresh | FilterState::Gone)
                || !filter.guest.is_alive(),
            "{} has a context left",
            filter.guest.name()
        );
    }
    Ok(())
}

/// What goes on is complete, and the client gets what somebody answered.
fn answer(world: &World) -> Check {
    let incomplete = world
        .forwarded
        .as_ref()
        .is_some_and(|head| !head.is_complete());
    ensure!(!incomplete, "a request without a path was forwarded");
    let answers = world.shared.answers.borrow();
    let Some(head) = &world.delivered else {
        ensure!(world.left || world.shared.may_cut.get(), "nobody answered");
        return Ok(());
    };
    let status = head.status.map(|status| status.as_u16());
    let limits = world.stream.filters.iter();
    let limited = limits
        .map(|filter| filter.guest.terms().max_buffered_body)
        .any(|limit| limit == LIMIT);
    let possible = match status {
        Some(200) => world.forwarded.is_some(),
        Some(413 | 500) => limited,
        Some(status) => answers.contains(&status),
        None => world.out[1].end == Some(Ending::Cut),
    };
    ensure!(possible, "{status:?} was answered, and nobody said so");
    Ok(())
}

/// Without edits what leaves a body is what entered it; all of it, if it is not cut.
fn bodies(world: &World) -> Check {
    let inner_answered = world
        .delivered
        .as_ref()
        .is_some_and(|head| head.status == Some(StatusCode::OK));
    for (at, out) in world.out.iter().enumerate() {
        let from_source = at == 0 || inner_answered;
        if !world.shared.pure || !from_source {
            continue;
        }
        let (text, trailers) = &world.sent[at];
        ensure!(
            text.starts_with(&out.text),
            "{text:?} came out as {:?}",
            out.text
        );
        ensure!(
            out.end != Some(Ending::Whole) || (*text == out.text && *trailers == out.trailers),
            "{text:?} came out as {:?}, with {} of {trailers} trailers",
            out.text,
            out.trailers
        );
    }
    Ok(())
}

/// No head says a length that its body does not have.
fn lengths(world: &World) -> Check {
    let heads = [
        world.forwarded.as_ref().map(|head| &head.headers),
        world.delivered.as_ref().map(|head| &head.headers),
    ];
    for (headers, out) in heads.iter().zip(&world.out) {
        let Some(length) = headers.and_then(|headers| headers.get(CONTENT_LENGTH)) else {
            continue;
        };
        let length: usize = length
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        ensure!(
            out.text.len() <= length,
            "{:?} is longer than the {length} of its head",
            out.text
        );
        ensure!(
            out.end != Some(Ending::Whole) || out.text.len() == length,
            "{:?} is not the {length} bytes of its head",
            out.text
        );
    }
    Ok(())
}
