//! `loom routes`: the table.

use std::fmt::Write;
use std::process::ExitCode;

use loom_config::model::Config;

use super::args::{Options, RoutesArgs};
use super::config;
use super::output::{WIDTH, columns, print, wrapped};
use super::run::Result;
use crate::inspect::{self, Row, Step, Table, does};

/// What stands before what belongs to the line above.
const INDENT: &str = "    ";

pub(super) fn run(options: &Options, args: &RoutesArgs) -> Result<ExitCode> {
    let (_, config) = config::load(options)?;
    let table = Table::new(&config);
    let text = if args.json {
        format!("{:#}\n", table.json())
    } else {
        text(&config, &table)
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(config: &Config, table: &Table<'_>) -> String {
    let mut text = String::from("LISTENERS\n");
    let listeners = config.listeners.iter();
    let listeners: Vec<_> = listeners
        .map(|listener| {
            let address = listener.address.to_string();
            let speaks = inspect::listens(listener);
            vec![listener.name.clone(), address, speaks]
        })
        .collect();
    for (line, listener) in columns(&listeners).lines().zip(&config.listeners) {
        let _ = writeln!(text, "{line}");
        below(&mut text, &table.met_at(listener));
    }
    let head = ["HOST", "PATH", "CONDITIONS", "ROUTE", "LISTENERS", "ACTION"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(table.rows.iter().map(|row| cells(config, row)));
    let lines = columns(&rows);
    let mut lines = lines.lines();
    let _ = writeln!(text, "\n{}", lines.next().unwrap_or_default());
    for (line, row) in lines.zip(&table.rows) {
        let _ = writeln!(text, "{line}");
        below(&mut text, &row.steps(config));
    }
    text
}

/// What a request meets there, under the line that it belongs to: plugins by their names, of the rest what there is.
fn below(text: &mut String, steps: &[Step]) {
    let names: Vec<_> = steps.iter().map(|step| step.brief.as_str()).collect();
    if names.is_empty() {
        return;
    }
    for line in wrapped(&names.join(", "), WIDTH - INDENT.len()) {
        let _ = writeln!(text, "{INDENT}{line}");
    }
}

fn cells(config: &Config, row: &Row<'_>) -> Vec<String> {
    let listeners = row.listeners(config);
    vec![
        row.host(),
        row.path.to_string(),
        or_dash(row.conditions().join(", ")),
        row.route.id.clone(),
        if listeners.len() == config.listeners.len() {
            "all".to_owned()
        } else {
            listeners.join(", ")
        },
        does(config, &row.route.action),
    ]
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}
