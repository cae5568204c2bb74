//! cost
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use loom_layer::{LoomChain, LoomPlugin};
use std::convert::Infallible;
use std::time::Duration;
use tower::{Layer, Service, ServiceExt, service_fn};

fn cpu() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}
async fn measure<S, RB>(name: &str, mut service: S) -> Result<(), Box<dyn std::error::Error>>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<RB>>,
    S::Error: std::fmt::Debug,
    RB: http_body::Body<Data = Bytes> + Unpin,
    RB::Error: std::fmt::Debug,
{
    let n = 200_000u32;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let t = cpu();
        for _ in 0..n {
            let r = Request::get("/api/test?x=1")
                .header("host", "example.com")
                .header("user-agent", "bench")
                .header("accept", "*/*")
                .body(Empty::new())?;
            let r = service
                .ready()
                .await
                .expect("ready")
                .call(r)
                .await
                .expect("response");
            let _ = std::hint::black_box(r.into_body().collect().await.expect("body"));
        }
        best = best.min((cpu() - t) / n);
    }
    println!("{name}: {best:?}");
    Ok(())
}
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plugin = LoomPlugin::load("target/plugins/add_header_plugin.wasm")?;
    let bare = service_fn(|_r| async move {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
    });
    measure("bare", bare).await?;
    for n in [0, 1, 5, 10] {
        let inner = service_fn(
            |r: Request<loom_layer::RequestBody<Empty<Bytes>>>| async move {
                drop(r);
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
            },
        );
        measure(
            &format!("{n} plugins"),
            LoomChain::new((0..n).map(|_| plugin.clone())).layer(inner),
        )
        .await?;
    }
    Ok(())
}
