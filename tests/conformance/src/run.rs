//! Runs cases against a host: sets up their servers and plugins, sends their requests, and collects what was seen.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::Error;
use crate::case::{Answer, Case, Request};
use crate::client;
use crate::hosts::{Host, Line, PluginSetup, Serving, Setup, UpstreamSetup};
use crate::module::Modules;
use crate::suite::Named;
use crate::transcript::{Seen, Transcript};
use crate::upstream::Upstream;

/// How many cases have their exchanges at the same time.
const AT_ONCE: usize = 12;

/// When no line came for so long, none is expected any more.
const QUIET: Duration = Duration::from_millis(600);

/// How long lines are collected at the most after the last exchange; a plugin may tick for ever.
const LISTEN: Duration = Duration::from_secs(4);

/// The time between requests that are to be under way together.
const APART: Duration = Duration::from_millis(80);

/// What a script writes in place of the prefix that the runner chose.
const PREFIX_MARK: &str = "@@";

/// Runs all cases, and gives back what was seen of each, in the same order.
pub(crate) async fn all(
    host: &impl Host,
    cases: &[Named],
    modules: &mut Modules,
) -> Result<Vec<Transcript>, Error> {
    let mut transcripts = vec![Transcript::default(); cases.len()];
    let (alone, together): (Vec<_>, Vec<_>) =
        (0..cases.len()).partition(|&index| cases[index].case.alone);
    let batches = together
        .chunks(host.batch())
        .chain(alone.chunks(1))
        .map(<[usize]>::to_vec);
    let mut batches: Vec<_> = batches.collect();
    while let Some(batch) = batches.pop() {
        let members: Vec<_> = batch
            .iter()
            .map(|&index| (index, &cases[index].case))
            .collect();
        let Some(seen) = run_batch(host, &members, modules).await? else {
            // One of them ended the process: it is found by halves.
            let (first, second) = batch.split_at(batch.len() / 2);
            batches.extend([first.to_vec(), second.to_vec()]);
            continue;
        };
        for (index, transcript) in batch.into_iter().zip(seen) {
            transcripts[index] = transcript;
        }
    }
    Ok(transcripts)
}

/// `None`: the host died of one of several cases.
async fn run_batch(
    host: &impl Host,
    cases: &[(usize, &Case)],
    modules: &mut Modules,
) -> Result<Option<Vec<Transcript>>, Error> {
    let mut setups = Vec::new();
    let mut servers = Vec::new();
    for (index, case) in cases {
        let (setup, upstreams) = set_up(*index, case, modules)?;
        setups.push(setup);
        servers.push(upstreams);
    }
    let Serving {
        addresses,
        mut lines,
        mut process,
    } = match host.serve(&setups).await {
        Ok(serving) => serving,
        Err(_) if cases.len() == 1 => {
            let refusal = Transcript(vec!["the host does not start".to_owned()]);
            return Ok(Some(vec![refusal]));
        }
        Err(error) => return Err(error),
    };

    let mut answers: Vec<Vec<Vec<String>>> = vec![Vec::new(); cases.len()];
    let mut running = JoinSet::new();
    let mut waiting = cases.iter().zip(&addresses).enumerate();
    loop {
        while running.len() < AT_ONCE
            && let Some((position, ((_, case), address))) = waiting.next()
        {
            let (requests, address) = (case.requests(), *address);
            let together = case.together;
            running.spawn(async move {
                let answers = match together {
                    true => exchanges_together(address, requests).await,
                    false => exchanges(address, requests).await,
                };
                (position, answers)
            });
        }
        match running.join_next().await {
            Some(Ok((position, lines))) => answers[position] = lines,
            Some(Err(error)) => return Err(error.into()),
            None => break,
        }
    }
    let mut said = Vec::new();
    let end = Instant::now() + LISTEN;
    while Instant::now() < end
        && let Ok(Some(line)) = timeout(QUIET, lines.recv()).await
    {
        said.push(line);
    }
    let died = process.ended().is_some();
    if died && cases.len() > 1 {
        return Ok(None);
    }
    process.kill().await;
    let transcripts = cases
        .iter()
        .zip(&setups)
        .zip(servers)
        .zip(answers)
        .map(|((((_, case), setup), servers), client)| {
            let seen = Seen {
                prefix: setup.prefix.clone(),
                client,
                servers: servers
                    .iter()
                    .map(|(name, server)| (name.clone(), server.seen()))
                    .collect(),
                lines: take_lines(&mut said, &setup.prefix),
                paced: case.is_paced(),
                apart: case.apart,
                died,
            };
            seen.transcript()
        })
        .collect();
    Ok(Some(transcripts))
}

/// The requests of a case, one after the other.
async fn exchanges(address: std::net::SocketAddr, requests: Vec<Request>) -> Vec<Vec<String>> {
    let mut answers = Vec::new();
    for request in requests {
        let begin = Instant::now();
        answers.push(client::exchange(address, &request).await);
        // What a stream does at its end comes before what the next one does at its beginning.
        sleep(Duration::from_millis(30).saturating_sub(begin.elapsed())).await;
    }
    answers
}

/// The requests of a case, each a moment after the one before, whether that was answered or not.
async fn exchanges_together(
    address: std::net::SocketAddr,
    requests: Vec<Request>,
) -> Vec<Vec<String>> {
    let mut running = JoinSet::new();
    for (index, request) in requests.into_iter().enumerate() {
        running.spawn(async move {
            sleep(APART * u32::try_from(index).unwrap_or(0)).await;
            (index, client::exchange(address, &request).await)
        });
    }
    let mut answers = running.join_all().await;
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, lines)| lines).collect()
}

fn take_lines(said: &mut Vec<Line>, prefix: &str) -> Vec<Line> {
    let (own, others) = std::mem::take(said)
        .into_iter()
        .partition(|line| line.plugin.starts_with(prefix));
    *said = others;
    own
}

fn set_up(
    index: usize,
    case: &Case,
    modules: &mut Modules,
) -> Result<(Setup, Vec<(String, Upstream)>), Error> {
    let prefix = format!("k{index:03}-");
    let mut upstreams = Vec::new();
    for (name, answers) in case.servers() {
        upstreams.push((name.to_owned(), Upstream::start(answers)?));
    }
    let mut plugins = Vec::new();
    for (letter, mut plugin) in ('a'..).zip(case.plugins()) {
        plugin.script = plugin.script.replace(PREFIX_MARK, &prefix);
        plugin.vm_script = plugin.vm_script.replace(PREFIX_MARK, &prefix);
        let name = format!("{prefix}{letter}");
        let vm_id = plugin.vm_id.as_ref().map(|id| format!("{prefix}{id}"));
        plugins.push(PluginSetup {
            vm_id: vm_id.unwrap_or_else(|| name.clone()),
            module: modules.of(&plugin)?,
            name,
            plugin,
        });
    }
    let servers = case.servers().zip(&upstreams);
    let upstream =
        |((name, answers), (_, server)): ((&str, &[Answer]), &(String, Upstream))| UpstreamSetup {
            name: name.to_owned(),
            address: server.address,
            http2: answers.first().is_some_and(|answer| answer.http == 2),
        };
    let reachable = servers.map(upstream).collect();
    let setup = Setup {
        prefix,
        plugins,
        upstreams: reachable,
    };
    Ok((setup, upstreams))
}
