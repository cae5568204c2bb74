//! The bare proxy of hyper: it takes its task from the command line.

use std::process::Command;

use super::{Place, Task};

pub(super) fn arguments<'a>(
    command: &'a mut Command,
    task: &Task,
    place: &Place<'_>,
) -> &'a mut Command {
    command
        .arg(place.listen.to_string())
        .arg(place.origin.to_string())
        .arg(task.workers.to_string())
}
