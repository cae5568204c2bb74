//! Where the lines go: a thread of their own writes them, so that no worker waits for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use loom_config::model::{AccessLog, AccessLogPath};

use crate::limits;

/// How often the thread looks whether its file is still there.
const LOOK: Duration = Duration::from_secs(1);

/// What the thread is asked for.
#[derive(Debug)]
enum Order {
    Write(Vec<u8>),
    /// Says when everything before it is written.
    Flush(SyncSender<()>),
}

/// See the module's text. The thread ends when this is dropped and everything is written.
#[derive(Debug)]
pub(crate) struct Sink {
    config: AccessLog,
    orders: SyncSender<Order>,
    dropped: AtomicU64,
}

impl Sink {
    /// Opens the file and starts the thread.
    pub(crate) fn open(config: &AccessLog) -> io::Result<Self> {
        let mut output = Output::open(&config.path)?;
        let (orders, received) = sync_channel(limits::ACCESS_LOG_LINES);
        thread::Builder::new()
            .name("loom-access-log".to_owned())
            .spawn(move || write_all(&received, &mut output))?;
        Ok(Self {
            config: config.clone(),
            orders,
            dropped: AtomicU64::new(0),
        })
    }

    /// What the lines look like.
    pub(crate) fn config(&self) -> &AccessLog {
        &self.config
    }

    /// Lines that were lost, since the thread could not keep up.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines so far are written, but not for a disk that hangs.
    pub(crate) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.orders.try_send(Order::Flush(done)).is_ok() {
            // It is over or the time is: both end the waiting.
            let _ = written.recv_timeout(LOOK);
        }
    }

    /// Hands a line over, line end included.
    pub(super) fn write(&self, line: Vec<u8>) {
        if self.orders.try_send(Order::Write(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(orders: &Receiver<Order>, output: &mut Output) {
    loop {
        let order = match orders.try_recv() {
            Ok(order) => order,
            Err(_) => {
                // Nothing more at hand: what is there should be seen.
                output.flush();
                match orders.recv_timeout(LOOK) {
                    Ok(order) => order,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        match order {
            Order::Write(line) => output.write(&line),
            Order::Flush(done) => {
                output.flush();
                let _ = done.try_send(());
            }
        }
    }
}

/// What is written to.
enum Output {
    Stream(Box<dyn Write + Send>),
    File {
        path: PathBuf,
        file: BufWriter<File>,
        looked: Instant,
    },
}

impl Output {
    fn open(path: &AccessLogPath) -> io::Result<Self> {
        Ok(match path {
            AccessLogPath::Stdout => Self::Stream(Box::new(BufWriter::new(io::stdout()))),
            AccessLogPath::Stderr => Self::Stream(Box::new(BufWriter::new(io::stderr()))),
            AccessLogPath::File(path) => Self::File {
                file: append(path)?,
                path: path.clone(),
                looked: Instant::now(),
            },
        })
    }

    fn write(&mut self, line: &[u8]) {
        self.look();
        let written = match self {
            Self::Stream(stream) => stream.write_all(line),
            Self::File { file, .. } => file.write_all(line),
        };
        say(written);
    }

    fn flush(&mut self) {
        let flushed = match self {
            Self::Stream(stream) => stream.flush(),
            Self::File { file, .. } => file.flush(),
        };
        say(flushed);
    }

    /// Opens the file anew when somebody moved it away, as those do who rotate logs.
    fn look(&mut self) {
        let Self::File { path, file, looked } = self else {
            return;
        };
        if looked.elapsed() < LOOK {
            return;
        }
        *looked = Instant::now();
        let is_there = match (file.get_ref().metadata(), path.metadata()) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
            _ => false,
        };
        if !is_there {
            say(file.flush());
            match append(path) {
                Ok(new) => *file = new,
                Err(error) => say(Err(error)),
            }
        }
    }
}

fn append(path: &Path) -> io::Result<BufWriter<File>> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(BufWriter::new(file))
}

fn say(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the access log cannot be written");
    }
}

#[cfg(test)]
mod tests {
    use loom_config::model::{AccessField, LogFormat};

    use super::*;

    #[test]
    fn a_file_that_is_moved_away_is_made_anew() {
        let directory = std::env::temp_dir().join(format!("loom-access-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("access.log");
        let mut output = Output::open(&AccessLogPath::File(path.clone())).expect("a file");
        output.write(b"one\n");
        output.flush();
        std::fs::rename(&path, directory.join("access.log.1")).expect("it is there");
        if let Output::File { looked, .. } = &mut output {
            *looked -= LOOK;
        }
        output.write(b"two\n");
        output.flush();
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).expect("a file");
        assert_eq!(
            (read("access.log.1"), read("access.log")),
            ("one\n".into(), "two\n".into())
        );
        std::fs::remove_dir_all(&directory).expect("it is ours");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_found_at_once() {
        let config = AccessLog {
            format: LogFormat::Json,
            path: AccessLogPath::File("/nowhere/at/all".into()),
            fields: AccessField::DEFAULT.to_vec(),
        };
        assert!(Sink::open(&config).is_err());
    }
}
