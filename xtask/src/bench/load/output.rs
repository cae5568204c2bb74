//! What the programs that make load print.

use crate::Error;
use crate::bench::results::Latency;
use crate::bench::stats;

/// Requests that were answered well, and those that were not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) struct Counted {
    pub(in crate::bench) answered: u64,
    pub(in crate::bench) failed: u64,
}

impl Counted {
    /// The number of requests, if none failed.
    pub(in crate::bench) fn all_answered(self) -> Result<u64, Error> {
        match self {
            Self {
                answered,
                failed: 0,
            } if answered > 0 => Ok(answered),
            _ => Err(Error::new(format!(
                "not all requests were answered: {self:?}"
            ))),
        }
    }
}

/// `53087 requests in 1.01s, 7.70MB read`, and lines about what went wrong.
pub(super) fn wrk_requests(text: &str) -> Result<Counted, Error> {
    let (mut requests, mut bad, mut broken) = (None, 0, 0);
    for line in text.lines().map(str::trim) {
        if let Some((number, _)) = line.split_once(" requests in ") {
            requests = number.parse::<u64>().ok();
        } else if let Some(number) = line.strip_prefix("Non-2xx or 3xx responses: ") {
            bad = number.parse::<u64>().unwrap_or(1);
        } else if let Some(kinds) = line.strip_prefix("Socket errors: ") {
            let errors = kinds.split(", ").filter_map(|kind| kind.split(' ').nth(1));
            broken = errors.filter_map(|n| n.parse::<u64>().ok()).sum::<u64>();
        }
    }
    let requests =
        requests.ok_or_else(|| Error::new(format!("wrk said nothing of requests:\n{text}")))?;
    Ok(Counted {
        answered: requests.saturating_sub(bad),
        failed: bad + broken,
    })
}

/// ```text
/// requests: 3168 total, 3200 started, 3168 done, 3168 succeeded, 0 failed, 0 errored, 0 timeout
/// status codes: 3168 2xx, 0 3xx, 0 4xx, 0 5xx
/// traffic: 148.44KB (152000) total, 105.47KB (108000) headers (space savings 0.00%), 15.47KB (15840) data
/// ```
///
/// Nothing may have gone wrong, and each answer must have had its body: a call of gRPC that failed has none.
pub(super) fn h2load_requests(text: &str, answer: u64) -> Result<u64, Error> {
    let counts = || {
        let requests = line(text, "requests: ")?;
        let status = line(text, "status codes: ")?;
        let data = line(text, "traffic: ")?.rsplit('(').next()?;
        let data: u64 = data.split(')').next()?.parse().ok()?;
        let done = number(requests, "done")?;
        let is_well = done > 0
            && number(requests, "succeeded")? == done
            && ["3xx", "4xx", "5xx"]
                .iter()
                .all(|kind| number(status, kind) == Some(0))
            && data >= done * answer;
        is_well.then_some(done)
    };
    counts().ok_or_else(|| Error::new(format!("not all requests were answered:\n{text}")))
}

/// `1014 requests`, which `clients` says only when all were answered.
pub(super) fn clients_requests(text: &str) -> Result<u64, Error> {
    let requests = text
        .lines()
        .find_map(|line| line.strip_suffix(" requests")?.parse().ok());
    requests
        .filter(|requests| *requests > 0)
        .ok_or_else(|| Error::new(format!("no request was answered:\n{text}")))
}

fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

/// Of `9 total, 10 started` the number before a word.
fn number(line: &str, what: &str) -> Option<u64> {
    let part = line.split(", ").find(|part| part.ends_with(what))?;
    part.split(' ').next()?.parse().ok()
}

/// Of lines with a start, a status and a duration in microseconds.
pub(super) fn latency(log: &str, rate: u64) -> Result<Latency, Error> {
    let mut times: Vec<f64> = log
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2)?.parse().ok())
        .collect();
    if times.is_empty() {
        return Err(Error::new("no request has a latency"));
    }
    times.sort_by(f64::total_cmp);
    Ok(Latency {
        rate,
        p50_us: stats::percentile(&times, 50.0),
        p90_us: stats::percentile(&times, 90.0),
        p99_us: stats::percentile(&times, 99.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_wrk_count_only_when_all_were_answered() {
        let text = "  99%   11.43ms\n  53087 requests in 1.01s, 7.70MB read\nRequests/sec: 1.0\n";
        let all = |text: &str| wrk_requests(text).and_then(Counted::all_answered);
        assert_eq!(all(text).unwrap(), 53_087);
        let bad = format!("{text}  Non-2xx or 3xx responses: 4\n");
        assert!(all(&bad).is_err());
        let bad = format!("{bad}  Socket errors: connect 0, read 3, write 1, timeout 0\n");
        let counted = wrk_requests(&bad).unwrap();
        assert_eq!((counted.answered, counted.failed), (53_083, 8));
        assert!(counted.all_answered().is_err());
        assert!(wrk_requests("").is_err());
    }

    #[test]
    fn requests_of_h2load_count_only_when_all_were_answered() {
        let text = "requests: 9 total, 10 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout\n\
             status codes: 9 2xx, 0 3xx, 0 4xx, 0 5xx\n\
             traffic: 1KB (1024) total, 2KB (2048) headers (space savings 0.00%), 45B (45) data\n";
        assert_eq!(h2load_requests(text, 5).unwrap(), 9);
        assert!(h2load_requests(text, 6).is_err());
        assert!(h2load_requests(&text.replace("9 succeeded", "8 succeeded"), 5).is_err());
        assert!(h2load_requests(&text.replace("0 3xx", "1 3xx"), 5).is_err());
        assert!(h2load_requests("", 5).is_err());
    }

    #[test]
    fn requests_of_clients_stand_in_a_line_of_their_own() {
        assert_eq!(
            clients_requests("1\t200\t3\n1014 requests\n").unwrap(),
            1014
        );
        assert!(clients_requests("0 requests\n").is_err());
        assert!(clients_requests("1\t200\t3\n").is_err());
    }

    #[test]
    fn percentiles_come_from_the_log() {
        let log: String = (1..=100).map(|n| format!("17\t200\t{n}\n")).collect();
        let latency = latency(&log, 10).unwrap();
        assert_eq!(
            (latency.p50_us, latency.p90_us, latency.p99_us),
            (50.0, 90.0, 99.0)
        );
    }
}
