//! Metrics.

use wasmtime::Linker;

use super::{Call, Outcome, answer, bytes, write_u32, write_u64};
use crate::abi::Status;
use crate::shared::{MetricIds, MetricKind};
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut call: Call<'_>, kind: u32, name: u32, name_len: u32, id: u32| {
            answer(&mut call, |call| {
                define_metric(call, kind, (name, name_len), id)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |mut call: Call<'_>, id: u32, delta: i64| {
            answer(&mut call, |call| increment(call, id, delta))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |mut call: Call<'_>, id: u32, value: u64| answer(&mut call, |call| record(call, id, value)),
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_metric",
        |mut call: Call<'_>, id: u32, out: u32| answer(&mut call, |call| get(call, id, out)),
    )?;
    Ok(())
}

fn define_metric(call: &mut Call<'_>, kind: u32, (name, name_len): (u32, u32), id: u32) -> Outcome {
    let (shared, _) = call.data().shared();
    let name = String::from_utf8_lossy(bytes(call, name, name_len)?).into_owned();
    let kind = MetricKind::from_abi(kind).ok_or(Status::BadArgument)?;
    let host = call.data_mut();
    let defined = host.metrics.define(&*shared.metrics, kind, &name);
    if defined.is_none() {
        host.warn_once(
            "proxy_define_metric defines nothing: the name is too long, or there are as many metrics as there may be",
        );
    }
    // The Rust SDK knows no failure of this: it gets the id of no metric, and an answer that it knows when it uses that.
    write_u32(call, id, defined.unwrap_or(MetricIds::nowhere(kind)))
}

/// As in Envoy, the kind that the id says decides before the metric is looked for.
fn increment(call: &mut Call<'_>, id: u32, delta: i64) -> Outcome {
    match MetricIds::kind(id) {
        Some(MetricKind::Counter | MetricKind::Gauge) => {}
        Some(MetricKind::Histogram) | None => return Err(Status::BadArgument.into()),
    }
    let series = call.data().metrics.get(id).ok_or(Status::NotFound)?;
    series
        .increment(delta)
        .map_err(|_| Status::BadArgument.into())
}

fn record(call: &mut Call<'_>, id: u32, value: u64) -> Outcome {
    let series = call.data().metrics.get(id).ok_or(Status::NotFound)?;
    series.record(value);
    Ok(())
}

fn get(call: &mut Call<'_>, id: u32, out: u32) -> Outcome {
    match MetricIds::kind(id) {
        Some(MetricKind::Counter | MetricKind::Gauge) => {}
        Some(MetricKind::Histogram) | None => return Err(Status::BadArgument.into()),
    }
    let series = call.data().metrics.get(id).ok_or(Status::NotFound)?;
    let value = series.get().ok_or(Status::BadArgument)?;
    write_u64(call, out, value)
}
