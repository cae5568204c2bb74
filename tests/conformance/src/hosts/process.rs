//! A host as a child process, whose log is read line by line.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Error;

/// How many lines are kept to explain why a host ended.
const LAST_WORDS: usize = 30;

/// A running host. Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    last_words: Arc<Mutex<VecDeque<String>>>,
    /// What its configuration is in, which has to live as long as it.
    _directory: tempfile::TempDir,
}

impl Process {
    /// Starts it, and gives back what `read` makes of the lines of its log.
    pub(crate) fn start<T: Send + 'static>(
        mut command: Command,
        directory: tempfile::TempDir,
        read: impl Fn(&str) -> Option<T> + Send + Clone + 'static,
    ) -> Result<(Self, UnboundedReceiver<T>), Error> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let program = command.as_std().get_program().to_owned();
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let last_words = Arc::<Mutex<VecDeque<String>>>::default();
        let (sender, lines) = unbounded_channel();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(follow(
                stdout,
                read.clone(),
                sender.clone(),
                Arc::clone(&last_words),
            ));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(follow(stderr, read, sender, Arc::clone(&last_words)));
        }
        let process = Self {
            child,
            last_words,
            _directory: directory,
        };
        Ok((process, lines))
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let lines = self
            .last_words
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        lines.iter().map(|line| format!("  {line}\n")).collect()
    }

    /// Ends it.
    pub(crate) async fn kill(mut self) {
        // It fails when the process has ended, which is what is wanted.
        drop(self.child.kill().await);
    }
}

async fn follow<T>(
    pipe: impl AsyncRead + Unpin,
    read: impl Fn(&str) -> Option<T>,
    sender: tokio::sync::mpsc::UnboundedSender<T>,
    last_words: Arc<Mutex<VecDeque<String>>>,
) {
    let mut lines = BufReader::new(pipe).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        if let Some(line) = read(&line) {
            // Nobody listens any more when the cases are over, but the pipe has to be emptied.
            drop(sender.send(line));
            continue;
        }
        let mut kept = last_words
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.push_back(line.into_owned());
        if kept.len() > LAST_WORDS {
            kept.pop_front();
        }
    }
}
