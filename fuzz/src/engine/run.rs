//! Many executions of one target.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::{Mutator, artifact, shrink};
use crate::targets::Target;

/// How often the progress is told.
const PROGRESS: Duration = Duration::from_secs(5);

/// An execution that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The target.
    pub target: &'a Target,
    /// The seed of all inputs.
    pub seed: u64,
    /// The number of the first one.
    pub from: u64,
    /// How many there are.
    pub executions: u64,
    /// Where inputs that fail are put.
    pub artifacts: &'a Path,
    /// A file that always holds the number of the input that runs, in 8 bytes: who finds that the process has died reads it.
    pub current: Option<&'a Path>,
}

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    /// How many executions there were.
    pub executions: u64,
    /// How long they took.
    pub time: Duration,
    /// The first input that failed, after which the run ended.
    pub found: Option<Found>,
}

/// An input that failed.
#[derive(Debug)]
pub struct Found {
    /// Its number.
    pub number: u64,
    /// Where it is.
    pub file: PathBuf,
    /// The smallest one that still fails, if the input fails alone.
    pub smallest: Option<PathBuf>,
    /// What the target said.
    pub why: String,
}

/// Runs a plan, with a line about its progress now and then on standard error.
///
/// # Errors
///
/// When a file cannot be written.
pub fn run(plan: &Plan<'_>) -> io::Result<Ran> {
    let words = listen();
    let mutator = Mutator::new(plan.target, plan.seed);
    let current = plan.current.map(File::create).transpose()?;
    let begun = Instant::now();
    let watch = Watch::start(plan, begun);
    let last = plan.from + plan.executions;
    let mut found = None;
    let mut number = plan.from;
    while number < last {
        watch.number.store(number, Ordering::Relaxed);
        if let Some(file) = &current {
            file.write_all_at(&number.to_le_bytes(), 0)?;
        }
        let input = mutator.input(number);
        number += 1;
        if let Err(why) = once(plan.target, &input, &words) {
            found = Some(keep(plan, number - 1, input, why, &words)?);
            break;
        }
    }
    drop(watch);
    if let Some(file) = plan.current {
        fs::remove_file(file)?;
    }
    Ok(Ran {
        executions: number - plan.from,
        time: begun.elapsed(),
        found,
    })
}

/// What panics said.
type Words = Arc<Mutex<String>>;

/// Keeps the words of panics, which would go to the terminal.
fn listen() -> Words {
    let words = Words::default();
    let kept = Arc::clone(&words);
    panic::set_hook(Box::new(move |panic| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = panic.to_string();
    }));
    words
}

fn once(target: &Target, input: &[u8], words: &Words) -> Result<(), String> {
    panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|_| {
        let words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.clone()
    })
}

fn keep(
    plan: &Plan<'_>,
    number: u64,
    input: Vec<u8>,
    why: String,
    words: &Words,
) -> io::Result<Found> {
    let save = |input: &[u8]| artifact::save(plan.artifacts, plan.target.name, input);
    let file = save(&input)?;
    let fails = |input: &[u8]| once(plan.target, input, words).is_err();
    let alone = fails(&input);
    let smallest = alone.then(|| shrink::shrink(input, fails));
    Ok(Found {
        number,
        file,
        smallest: smallest.map(|input| save(&input)).transpose()?,
        why,
    })
}

/// Tells of the progress, and of an execution that does not end.
struct Watch {
    number: Arc<AtomicU64>,
    // Dropped first, which ends the thread.
    end: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watch {
    fn start(plan: &Plan<'_>, begun: Instant) -> Self {
        let number = Arc::new(AtomicU64::new(plan.from));
        let seen = Arc::clone(&number);
        let (end, ended) = mpsc::channel();
        let (target, seed, from, executions) =
            (plan.target.name, plan.seed, plan.from, plan.executions);
        let thread = thread::spawn(move || {
            let mut last = (from, Instant::now());
            while ended.recv_timeout(PROGRESS) == Err(mpsc::RecvTimeoutError::Timeout) {
                let now = seen.load(Ordering::Relaxed);
                if now != last.0 {
                    last = (now, Instant::now());
                }
                let done = now - from;
                let rate = rate(done, begun.elapsed());
                eprintln!("{target}: {done} of {executions}, {rate}/s");
                if last.1.elapsed() > HANGS {
                    eprintln!("{target}: input {now} of seed {seed} does not end");
                    std::process::abort();
                }
            }
        });
        Self {
            number,
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that matters now.
            let _ = thread.join();
        }
    }
}

impl Ran {
    /// Executions in a second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        rate(self.executions, self.time)
    }
}

fn rate(executions: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    executions.saturating_mul(1000) / millis
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target {
        name: "test",
        about: "",
        run: |data| assert!(!data.windows(2).any(|pair| pair == b"!!"), "two marks"),
        seeds: || vec![b"a!b!c".to_vec()],
        words: &["!"],
        longest: 64,
        short_run: 0,
    };

    /// One test, since panics of the whole process go to the one who listened last.
    #[test]
    fn a_failure_is_found_made_small_and_found_again() {
        let folder = std::env::temp_dir().join(format!("loom-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let current = folder.join("current");
        let mut plan = Plan {
            target: &TARGET,
            seed: 1,
            from: 0,
            executions: 100_000,
            artifacts: &folder,
            current: Some(&current),
        };
        let ran = run(&plan).unwrap();
        let found = ran.found.expect("marks come together soon");
        assert!(found.why.contains("two marks"), "{}", found.why);
        assert_eq!(ran.executions, found.number + 1);
        let smallest = found.smallest.expect("it fails alone");
        assert_eq!(fs::read(smallest).unwrap(), b"!!");
        assert!(!current.exists());

        plan.from = found.number;
        plan.executions = 1;
        let again = run(&plan).unwrap().found.expect("the same input");
        assert_eq!((again.number, again.file), (found.number, found.file));
        let _ = panic::take_hook();
        fs::remove_dir_all(&folder).unwrap();
    }
}
