//! `loom routes`: the table.

use std::fmt::Write;
use std::process::ExitCode;

use loom_config::model::Config;

use super::args::{Options, RoutesArgs};
use super::config;
use super::output::{columns, print};
use super::run::Result;
use crate::inspect::{Row, Table, does};

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
        .map(|listener| vec![listener.name.clone(), listener.address.to_string()])
        .collect();
    text.push_str(&columns(&listeners));
    let head = [
        "HOST",
        "PATH",
        "CONDITIONS",
        "ROUTE",
        "LISTENERS",
        "PLUGINS",
        "ACTION",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(table.rows.iter().map(|row| cells(config, row)));
    let _ = write!(text, "\n{}", columns(&rows));
    text
}

fn cells(config: &Config, row: &Row<'_>) -> Vec<String> {
    let listeners = row.listeners(config);
    let plugins = row.route.plugins.iter();
    let plugins: Vec<_> = plugins
        .map(|one| config.plugins[one.plugin].name.as_str())
        .collect();
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
        or_dash(plugins.join(", ")),
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
