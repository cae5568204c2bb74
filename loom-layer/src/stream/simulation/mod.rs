//! A deterministic simulation: streams through plugins that do anything, between a client and an inner service that do
//! anything, with anything happening from outside, one step after the other.
//!
//! `LOOM_SIMULATION_RUNS` sets how many streams there are, `LOOM_SIMULATION_SEED` the first one's seed. A run that breaks a
//! rule is made as small as it gets, and told step by step.

mod body;
mod check;
mod puppet;
mod tape;
mod world;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use check::{Check, after_step, at_the_end};
use puppet::Shared;
use tape::Tape;
use world::World;

/// Plays the run whose decisions are these bytes; says which rule it breaks, and what happened.
#[cfg(feature = "fuzzing")]
pub(crate) fn play_record(bytes: &[u8]) -> Option<String> {
    breaks_a_rule(&Tape::record(
        bytes.iter().map(|&byte| byte.into()).collect(),
    ))
}

/// Plays a run; says what was wrong with it, and what happened.
fn breaks_a_rule(tape: &Tape) -> Option<String> {
    let shared = Rc::new(Shared {
        pure: tape.once_in(2),
        tape: tape.clone(),
        diaries: RefCell::default(),
        alive: RefCell::default(),
        tame: Cell::new(false),
        answers: RefCell::default(),
        may_cut: Cell::new(false),
        was_busy: Cell::new(false),
        story: RefCell::default(),
    });
    let result = catch_unwind(AssertUnwindSafe(|| play(&shared)));
    let why = match result {
        Ok(Ok(())) => return None,
        Ok(Err(why)) => why,
        Err(_) => "a panic".to_owned(),
    };
    Some(format!("{why}\n{}", shared.story.borrow().join("\n")))
}

fn play(shared: &Rc<Shared>) -> Check {
    let tape = &shared.tape;
    let mut world = World::new(Rc::clone(shared));
    for _ in 0..tape.below(60) {
        if tape.once_in(3) || !world.step() {
            world.disturb();
        }
        after_step(&world)?;
    }
    // From here on only time passes: bodies arrive, and holds expire.
    shared.tame.set(tape.once_in(2));
    for _ in 0..1000 {
        if world.is_over() {
            return at_the_end(&world);
        }
        if world.step() {
            after_step(&world)?;
        } else if world.arrive() || world.expire() {
        } else if world.waits_for_inner() {
            world.leave();
        } else {
            return Err("it stands still: nothing holds it, and nothing will wake it".to_owned());
        }
    }
    Err("it goes on for ever".to_owned())
}

#[cfg(test)]
mod tests {
    use super::tape::shrink;
    use super::*;

    #[test]
    fn whatever_happens_the_rules_hold() {
        let number = |name: &str, default: u64| {
            std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
        };
        let seed = number("LOOM_SIMULATION_SEED", 0);
        for seed in seed..seed + number("LOOM_SIMULATION_RUNS", 20_000) {
            let tape = Tape::random(seed);
            if let Some(why) = breaks_a_rule(&tape) {
                let fails = |decisions| breaks_a_rule(&Tape::record(decisions));
                let (smallest, why) = shrink(tape.decisions(), why, fails);
                panic!("seed {seed}, {} decisions: {why}", smallest.len());
            }
        }
    }

    /// The rules are worth something: a broken one is noticed.
    #[test]
    fn a_broken_rule_is_noticed() {
        let shared = |pure| {
            Rc::new(Shared {
                pure,
                tape: Tape::record(vec![0, 0]),
                diaries: RefCell::default(),
                alive: RefCell::default(),
                tame: Cell::new(true),
                answers: RefCell::default(),
                may_cut: Cell::new(false),
                was_busy: Cell::new(false),
                story: RefCell::default(),
            })
        };
        let mut world = World::new(shared(true));
        while world.step() || world.arrive() {}
        assert!(world.is_over());
        at_the_end(&world).expect("nothing is wrong yet");
        world.out[1].text.push('x');
        assert!(at_the_end(&world).is_err(), "a body that grew");
        world.out[1].text.pop();
        world.shared.diaries.borrow_mut()[0].pop();
        assert!(at_the_end(&world).is_err(), "a context that is not deleted");
    }
}
