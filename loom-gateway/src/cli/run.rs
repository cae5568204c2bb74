//! What the commands do.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use loom_config::model::Config;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{CheckArgs, Options};
use super::output::print;
use super::{config, open_files};
use crate::app::{CheckReport, Drained, Gateway, Source, Watch};
use crate::inspect::count;
use crate::logging;

pub(super) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs the gateway until a signal ends it.
pub(super) fn serve(options: &Options) -> Result<ExitCode> {
    let (path, config) = config::load(options)?;
    logging::init(config.log)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "starting");
    open_files::prepare(&config);
    let runtime = runtime(&config)?;
    let code = runtime.block_on(until_signal(config, config::source(options)))?;
    // A name that is being looked up need not be waited for.
    runtime.shutdown_background();
    Ok(code)
}

/// Looks for everything that would keep the gateway from starting.
pub(super) fn check(options: &Options, args: &CheckArgs) -> Result<ExitCode> {
    let (path, config) = config::load(options)?;
    logging::init(config.log)?;
    let runtime = runtime(&config)?;
    let CheckReport {
        faults, warnings, ..
    } = runtime.block_on(Gateway::check(&config));
    // A name that is being looked up need not be waited for.
    runtime.shutdown_background();
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    if !faults.is_empty() || args.deny_warnings && !warnings.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let Config {
        listeners,
        plugins,
        routes,
        upstreams,
        included,
        ..
    } = &config;
    let files = match included.len() {
        0 => String::new(),
        more => format!(" and {}", count(more, "included file")),
    };
    let all = [
        count(listeners.len(), "listener"),
        count(plugins.len(), "plugin"),
        count(routes.len(), "route"),
        count(upstreams.len(), "upstream"),
    ];
    print(&format!(
        "{}{files}: no faults ({})\n",
        path.display(),
        all.join(", ")
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what editors check `loom.yaml` with.
pub(super) fn schema() -> Result<ExitCode> {
    print(&format!("{:#}\n", loom_config::schema()))?;
    Ok(ExitCode::SUCCESS)
}

fn runtime(config: &Config) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(workers) = config.workers {
        builder.worker_threads(workers.max(1));
    }
    builder.thread_name("loom-worker").enable_all().build()
}

async fn until_signal(config: Config, source: Source) -> Result<ExitCode> {
    // Before the listeners, so that a signal right after the start is not lost.
    let mut signals = Signals::new()?;
    let mut hangup = signal(SignalKind::hangup())?;
    // Before the plugins are loaded, so that a change in the meantime is not lost either.
    let watch = Watch::new(&config);
    let running = Gateway::start_from(config, source).await?;
    let reloader = running.reloader();
    match watch {
        Ok(watch) => drop(tokio::spawn(watch.run(reloader.clone()))),
        Err(error) => tracing::warn!(%error, "files are not watched, only SIGHUP reloads"),
    }
    let name = loop {
        tokio::select! {
            name = signals.next() => break name,
            _ = hangup.recv() => {
                let reloader = reloader.clone();
                // Its result is in the log. A signal to end does not wait for it.
                tokio::spawn(async move { reloader.reload().await });
            }
        }
    };
    let drain_timeout = reloader.config().shutdown.drain_timeout;
    tracing::info!(signal = name, ?drain_timeout, "shutting down");
    tokio::select! {
        drained = running.shutdown() => {
            if drained == Drained::Complete {
                tracing::info!("every request was answered");
            }
            Ok(ExitCode::SUCCESS)
        }
        name = signals.next() => {
            tracing::warn!(signal = name, "ended at once");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The signals that end the gateway.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one that ends it.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
