//! The arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use loom_config::model::LogLevel;

/// Long options that may be written with one dash. clap knows no such thing: `-config` is `-c onfig` to it.
const ONE_DASH: [&str; 2] = ["-config", "-log-level"];

const EXAMPLES: &str = "\
Examples:
  loom -config loom.yaml                     run the gateway
  loom -config loom.yaml -log-level debug    and show each request and what plugins log
  loom check -config loom.yaml               look for faults, plugins too, and start nothing
  loom                                       run with ./loom.yaml

The long options may be written with one dash or with two. A change of the configuration is taken
over when its file changes, and with SIGHUP. SIGTERM and SIGINT end the gateway once running requests are
answered; a second signal ends it at once.";

/// Loom, a gateway that runs Proxy-Wasm plugins.
#[derive(Debug, Parser)]
#[command(name = "loom", version, about, after_help = EXAMPLES)]
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
    Check,
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
            assert!(matches!(command, Some(Command::Check)), "{arguments:?}");
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
