//! Random sequences of events.

use super::*;

/// Random scripts, random outside events, an end at a random point: whatever happens, each plugin's callbacks come in
/// order, once, and it is closed exactly if it was opened and did not fail.
#[test]
fn any_sequence_of_events_keeps_the_order() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..20_000 {
        let scripts: Vec<Vec<Step>> = (0..1 + random.below(3))
            .map(|_| (0..random.below(7)).map(|_| random.step()).collect())
            .collect();
        let scripts: Vec<&[Step]> = scripts.iter().map(Vec::as_slice).collect();
        let policy = [FailurePolicy::Closed, FailurePolicy::Open][random.below(2)];
        let mut fixture = Fixture::with_policy(policy, &scripts);
        let limit = random.below(40);
        drive(&mut fixture, &mut random, limit);
        for _ in 0..20 {
            if fixture.end().is_ready() {
                break;
            }
        }
        assert!(fixture.end().is_ready(), "round {round}: the stream ends");
        for at in 0..scripts.len() {
            let failed = !fixture.stream.filters[at].guest.alive;
            check(&fixture, ["a", "b", "c"][at], failed, round);
        }
    }
}

/// At most `limit` polls and outside events, in the order that a future would make them.
fn drive(fixture: &mut Fixture, random: &mut Random, limit: usize) {
    let mut answered = false;
    for _ in 0..limit {
        match random.below(8) {
            0 => {
                let direction = [Direction::Request, Direction::Response][random.below(2)];
                fixture.resume(direction, random.below(3));
            }
            1 => {
                let pause = fixture.stream.pauses().next();
                if let Some(pause) = pause {
                    fixture.stream.expire(pause);
                }
            }
            2 => {
                fixture.reply(400);
            }
            _ => {}
        }
        match fixture.stream.stage {
            Stage::Request { .. } => {
                if fixture.request() == Poll::Ready(Verdict::Forward) {
                    fixture.stream.forward().expect("a head");
                }
            }
            Stage::Inner => {
                if !fixture.stream.is_interrupted() && random.below(2) == 0 {
                    fixture
                        .stream
                        .begin_response(ResponseHead::new(StatusCode::OK), false);
                }
            }
            Stage::Response { .. } => {
                if fixture.response().is_ready() {
                    let status = fixture.deliver();
                    assert!((200..600).contains(&status), "a response has a status");
                    answered = true;
                }
            }
            _ => {
                assert!(answered, "the end comes after the answer");
                return;
            }
        }
    }
}

fn check(fixture: &Fixture, name: &str, failed: bool, round: usize) {
    let diary = fixture.diary.borrow();
    let own: Vec<&str> = diary
        .iter()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .filter(|line| !line.contains('='))
        .collect();
    let order = [
        "context_create",
        "request_headers",
        "response_headers",
        "log",
        "done",
        "delete",
    ];
    let places: Vec<usize> = own
        .iter()
        .map(|line| {
            order
                .iter()
                .position(|name| name == line)
                .expect("a known callback")
        })
        .collect();
    assert!(
        places.windows(2).all(|pair| pair[0] < pair[1]),
        "round {round}: {name} has {own:?}"
    );
    if !own.is_empty() {
        assert_eq!(own[0], "context_create", "round {round}: {name}");
        assert!(
            failed || own.ends_with(&["log", "done", "delete"]),
            "round {round}: {name} has {own:?}"
        );
    }
}

/// A xorshift generator: the same sequence in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn step(&mut self) -> Step {
        let steps = [
            Step::Continue,
            Step::Continue,
            Step::Pause,
            Step::Reply(403),
            Step::ResumeAndPause,
            Step::EditAndFail,
            Step::ReplyAndFail,
            Step::Busy,
            Step::RemovePath,
            Step::RemoveStatus,
        ];
        steps[self.below(steps.len())]
    }
}

/// Random chunks, holds, busy VMs and resumptions: nothing of a body is lost, doubled or out of order, whichever way it
/// goes, and it ends.
#[test]
fn any_sequence_of_events_keeps_the_body() {
    const CHUNKS: [&str; 5] = ["a", "bc", "def", "", "ghij"];
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    for round in 0..10_000 {
        let direction = [Direction::Request, Direction::Response][random.below(2)];
        let plugins = 1 + random.below(3);
        let scripts: Vec<Vec<Step>> = (0..plugins)
            .map(|_| {
                let steps = (0..random.below(12)).map(|_| {
                    [
                        Step::Continue,
                        Step::Pause,
                        Step::Busy,
                        Step::ResumeAndPause,
                        Step::EditAndFail,
                    ][random.below(5)]
                });
                [Step::Continue, Step::Continue]
                    .into_iter()
                    .chain(steps)
                    .collect()
            })
            .collect();
        let scripts: Vec<&[Step]> = scripts.iter().map(Vec::as_slice).collect();
        let terms = Terms {
            failure_policy: FailurePolicy::Open,
            max_buffered_body: usize::MAX,
            ..TERMS
        };
        let mut fixture = Fixture::with_terms(terms, false, &scripts);
        assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
        fixture.stream.forward().expect("a head");
        fixture
            .stream
            .begin_response(ResponseHead::new(StatusCode::OK), false);
        assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
        fixture.deliver();

        let (mut sent, mut out) = (String::new(), String::new());
        for _ in 0..random.below(8) {
            let chunk = CHUNKS[random.below(CHUNKS.len())];
            sent += chunk;
            fixture.data(direction, chunk, false);
            if random.below(2) == 0 {
                out += fixture.out(direction).trim_end_matches(['?', '~']);
            }
            if random.below(4) == 0 {
                fixture.resume(direction, random.below(plugins));
            }
        }
        if random.below(2) == 0 {
            sent += "{x-trailer}";
            fixture.trailers(direction);
        } else {
            fixture.stream.push(direction, None, true);
        }
        for at in 0..64 {
            out += fixture.out(direction).trim_end_matches('?');
            if out.ends_with('.') {
                break;
            }
            fixture.resume(direction, at % plugins);
        }
        assert_eq!(out, sent + ".", "round {round}: {scripts:?}");
    }
}
