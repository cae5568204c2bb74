//! Where the lines go: a thread of their own writes them, so that no worker waits for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
    lost: Arc<AtomicU64>,
}

impl Sink {
    /// Opens the file and starts the thread.
    pub(crate) fn open(config: &AccessLog) -> io::Result<Self> {
        let mut output = Output::open(&config.path)?;
        let lost = Arc::clone(&output.lost);
        let (orders, received) = sync_channel(limits::ACCESS_LOG_LINES);
        thread::Builder::new()
            .name("loom-access-log".to_owned())
            .spawn(move || write_all(&received, &mut output))?;
        Ok(Self {
            config: config.clone(),
            orders,
            lost,
        })
    }

    /// What the lines look like.
    pub(crate) fn config(&self) -> &AccessLog {
        &self.config
    }

    /// Lines that were lost, since the thread could not keep up, or could not write them.
    pub(crate) fn dropped(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
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
            self.lost.fetch_add(1, Ordering::Relaxed);
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

/// What is written to, and how that goes.
struct Output {
    to: To,
    failing: bool,
    lost: Arc<AtomicU64>,
}

enum To {
    Stream(Box<dyn Write + Send>),
    File {
        path: PathBuf,
        file: BufWriter<File>,
        looked: Instant,
    },
}

impl Output {
    fn open(path: &AccessLogPath) -> io::Result<Self> {
        Ok(Self::new(match path {
            AccessLogPath::Stdout => To::Stream(Box::new(BufWriter::new(io::stdout()))),
            AccessLogPath::Stderr => To::Stream(Box::new(BufWriter::new(io::stderr()))),
            AccessLogPath::File(path) => To::File {
                file: append(path)?,
                path: path.clone(),
                looked: Instant::now(),
            },
        }))
    }

    fn new(to: To) -> Self {
        Self {
            to,
            failing: false,
            lost: Arc::default(),
        }
    }

    fn write(&mut self, line: &[u8]) {
        self.look();
        let written = match &mut self.to {
            To::Stream(stream) => stream.write_all(line),
            To::File { file, .. } => file.write_all(line),
        };
        // A success may only have filled the buffer, and says nothing about a disk that is full.
        if written.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.note(written);
        }
    }

    fn flush(&mut self) {
        let flushed = match &mut self.to {
            To::Stream(stream) => stream.flush(),
            To::File { file, .. } => file.flush(),
        };
        self.note(flushed);
    }

    /// Says once that nothing can be written, whatever comes then, and once that it can be again.
    fn note(&mut self, result: io::Result<()>) {
        let failed = result.is_err();
        let before = std::mem::replace(&mut self.failing, failed);
        match result {
            Err(error) if !before => {
                tracing::warn!(%error, "the access log cannot be written, lines are lost");
            }
            Ok(()) if before => tracing::info!("the access log is written again"),
            _ => {}
        }
    }

    /// Opens the file anew when somebody moved it away, as those do who rotate logs.
    fn look(&mut self) {
        let To::File { path, file, looked } = &mut self.to else {
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
        if is_there {
            return;
        }
        let flushed = file.flush();
        let opened = append(path).map(|new| *file = new);
        self.note(flushed.and(opened));
    }
}

fn append(path: &Path) -> io::Result<BufWriter<File>> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(BufWriter::new(file))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use loom_config::model::{AccessField, LogFormat};

    use super::*;

    #[test]
    fn a_file_that_is_moved_away_is_made_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("access.log");
        let mut output = Output::open(&AccessLogPath::File(path.clone())).expect("a file");
        output.write(b"one\n");
        output.flush();
        std::fs::rename(&path, directory.path().join("access.log.1")).expect("it is there");
        if let To::File { looked, .. } = &mut output.to {
            *looked -= LOOK;
        }
        output.write(b"two\n");
        output.flush();
        let read =
            |name: &str| std::fs::read_to_string(directory.path().join(name)).expect("a file");
        assert_eq!(
            (read("access.log.1"), read("access.log")),
            ("one\n".into(), "two\n".into())
        );
    }

    /// A disk that is full, until it is not.
    struct Full(Arc<AtomicBool>);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.write(&[]).map(drop)
        }
    }

    #[test]
    fn a_full_disk_is_told_once_and_its_lines_are_counted() {
        let full = Arc::new(AtomicBool::new(true));
        let mut output = Output::new(To::Stream(Box::new(Full(Arc::clone(&full)))));
        let log = tempfile::NamedTempFile::new().expect("a file");
        let subscriber =
            tracing_subscriber::fmt().with_writer(Arc::new(log.reopen().expect("open")));
        tracing::subscriber::with_default(subscriber.finish(), || {
            for _ in 0..3 {
                output.write(b"line\n");
                output.flush();
            }
            full.store(false, Ordering::Relaxed);
            output.write(b"line\n");
            output.flush();
        });
        assert_eq!(output.lost.load(Ordering::Relaxed), 3);
        let said = std::fs::read_to_string(log.path()).expect("a log");
        assert_eq!(said.matches("cannot be written").count(), 1, "{said}");
        assert_eq!(said.matches("is written again").count(), 1, "{said}");
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
