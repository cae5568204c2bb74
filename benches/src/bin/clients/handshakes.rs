//! A connection for each request.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Failure;
use crate::request::Client;

/// How many ask at the same time when nothing else limits them.
const AT_ONCE: usize = 32;

/// As many as go through in this time, or so many a second.
pub(crate) async fn run(client: Client, time: Duration, rate: Option<u64>) -> Result<(), Failure> {
    let client = Rc::new(client);
    let count = match rate {
        None => saturate(&client, time).await?,
        Some(rate) => at_rate(client, time, rate).await?,
    };
    println!("{count} requests");
    Ok(())
}

async fn once(client: &Client) -> Result<(), Failure> {
    let mut connection = client.connect().await?;
    connection.request(false).await?;
    connection.close().await;
    Ok(())
}

async fn saturate(client: &Rc<Client>, time: Duration) -> Result<u64, Failure> {
    let end = Instant::now() + time;
    let count = Rc::new(Cell::new(0));
    let mut all = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, count) = (Rc::clone(client), Rc::clone(&count));
        all.spawn_local(async move {
            while Instant::now() < end {
                once(&client).await?;
                count.set(count.get() + 1);
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(ended) = all.join_next().await {
        ended??;
    }
    Ok(count.get())
}

/// Each begins when it is due, whether those before it have ended or not. The time that it waits for its turn counts.
async fn at_rate(client: Rc<Client>, time: Duration, rate: u64) -> Result<u64, Failure> {
    let mut due = interval(Duration::from_secs_f64(1.0 / rate.max(1) as f64));
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let start = Instant::now();
    let end = start + time;
    let lines = Rc::new(RefCell::new(Vec::new()));
    let mut all = Vec::new();
    loop {
        let begun = due.tick().await;
        if begun >= end {
            break;
        }
        let (client, lines) = (Rc::clone(&client), Rc::clone(&lines));
        all.push(spawn_local(async move {
            once(&client).await?;
            let line = (begun.duration_since(start), begun.elapsed());
            lines.borrow_mut().push(line);
            Ok::<_, Failure>(())
        }));
    }
    let count = all.len() as u64;
    for one in all {
        one.await??;
    }
    let mut out = io::stdout().lock();
    for (begun, taken) in lines.borrow().iter() {
        writeln!(out, "{}\t200\t{}", begun.as_micros(), taken.as_micros())?;
    }
    Ok(count)
}
