//! The arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use loom_config::model::LogLevel;

use super::help;

/// Long options that may be written with one dash. clap knows no such thing: `-config` is `-c onfig` to it.
const ONE_DASH: [&str; 2] = ["-config", "-log-level"];

/// Loom, a gateway that runs Proxy-Wasm plugins.
#[derive(Debug, Parser)]
#[command(name = "loom", version, about, after_help = help::LOOM)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Options {
    /// The configuration [default: ./loom.yaml]
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// What is logged at the least; it beats `log.level` of the configuration
    #[arg(long = "log-level", value_name = "LEVEL", value_enum, global = true)]
    pub(super) log_level: Option<Level>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Load the configuration and all plugins, report what is wrong, and start nothing
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Print the routes in the order in which requests are asked about them
    #[command(after_help = help::ROUTES)]
    Routes(RoutesArgs),
    /// Say which route takes a request, what becomes of it, and why
    #[command(after_help = help::ROUTE)]
    Route(RouteArgs),
    /// Ask the gateway that runs here whether it takes requests, by its admin listener
    #[command(after_help = help::HEALTH)]
    Health,
    /// Print the JSON Schema of loom.yaml
    #[command(after_help = help::SCHEMA)]
    Schema,
}

/// What `loom check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// End with exit code 1 when there are warnings
    #[arg(long)]
    pub(super) deny_warnings: bool,
}

/// What `loom routes` takes.
#[derive(Debug, clap::Args)]
pub(super) struct RoutesArgs {
    /// Print JSON, as `/routes` of the admin listener does
    #[arg(long)]
    pub(super) json: bool,
}

/// What `loom route` takes.
#[derive(Debug, clap::Args)]
pub(super) struct RouteArgs {
    /// The method: GET, POST, ...
    pub(super) method: String,
    /// What is asked for: /path?query, or http://host/path
    pub(super) url: String,
    /// A header of the request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// The listener that the request comes to [default: the first one of the URL's scheme]
    #[arg(long, value_name = "NAME")]
    pub(super) listener: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A level on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

/// Gives the long options that stand with one dash their second one.
pub(super) fn with_two_dashes(
    arguments: impl IntoIterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut options_are_over = false;
    arguments.into_iter().map(move |argument| {
        options_are_over |= argument == "--";
        match argument.to_str() {
            Some(text) if !options_are_over && is_one_dash(text) => format!("-{text}").into(),
            _ => argument,
        }
    })
}

fn is_one_dash(argument: &str) -> bool {
    ONE_DASH.contains(
        &argument
            .split_once('=')
            .map_or(argument, |(option, _)| option),
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Args {
        let arguments = ["loom"].iter().chain(arguments).map(OsString::from);
        Args::try_parse_from(with_two_dashes(arguments)).expect("valid arguments")
    }

    #[test]
    fn clap_finds_no_contradiction() {
        Args::command().debug_assert();
    }

    #[test]
    fn one_dash_two_dashes_and_a_letter_mean_the_same() {
        for arguments in [
            &["-config", "a.yaml", "-log-level", "debug"][..],
            &["--config", "a.yaml", "--log-level", "debug"],
            &["-c", "a.yaml", "--log-level=debug"],
            &["-config=a.yaml", "-log-level=debug"],
            &["-ca.yaml", "-log-level", "debug"],
        ] {
            let Args { options, command } = parse(arguments);
            assert_eq!(
                options.config.as_deref(),
                Some("a.yaml".as_ref()),
                "{arguments:?}"
            );
            assert_eq!(options.log_level, Some(Level::Debug), "{arguments:?}");
            assert!(command.is_none());
        }
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        for arguments in [
            ["check", "-config", "a.yaml"],
            ["-config", "a.yaml", "check"],
        ] {
            let Args { options, command } = parse(&arguments);
            assert!(matches!(command, Some(Command::Check(_))), "{arguments:?}");
            assert_eq!(
                options.config.as_deref(),
                Some("a.yaml".as_ref()),
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn other_arguments_stay_as_they_are() {
        let arguments = ["loom", "-configure", "config", "-c", "--", "-config"].map(OsString::from);
        assert_eq!(
            with_two_dashes(arguments.clone()).collect::<Vec<_>>(),
            arguments
        );
    }
}
