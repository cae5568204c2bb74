//! How long certificates are good for: what metrics, the admin listener and the log say of it.

use std::fs;
use std::time::Duration;

use super::super::admin::{ADMIN, admin, json, metrics};
use super::super::support::{Loom, loom};
use super::support::{ECHO, config, folder, listener, start};
use crate::certificates::Authority;

const DAYS: Duration = Duration::from_secs(24 * 60 * 60);

const A: &str = "loom_certificate_expiry_timestamp_seconds{listener=\"web\",name=\"a.test\"}";
const B: &str = "loom_certificate_expiry_timestamp_seconds{listener=\"web\",name=\"b.test\"}";
/// The first of January 2040, 2050 and 2060.
const YEARS: [f64; 3] = [2_208_988_800.0, 2_524_608_000.0, 2_840_140_800.0];

#[tokio::test]
async fn metrics_and_admin_listener_follow_the_files() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let write = |file: &str, name: &str, year: i32| {
        let identity = authority.identity_until(name, year);
        identity.write(folder.path(), file);
    };
    write("a", "a.test", 2050);
    write("a-other", "a.test", 2040);
    write("b", "b.test", 2001);
    let yaml = listener(&["a", "a-other", "b"], "") + ADMIN + ECHO;
    let gateway = start(folder.path(), &yaml).await;
    let series = metrics(admin(&gateway)).await;
    // Of several for one name the first end counts.
    assert_eq!((series[A], series[B]), (YEARS[0], 978_307_200.0));

    write("a-other", "a.test", 2060);
    write("b", "b.test", 2060);
    let reloaded = gateway.reload(config(folder.path(), &yaml)).await;
    reloaded.expect("a valid one");
    let series = metrics(admin(&gateway)).await;
    assert_eq!((series[A], series[B]), (YEARS[1], YEARS[2]));

    write("b", "b.test", 2001);
    let fewer = listener(&["b"], "") + ADMIN + ECHO;
    let reloaded = gateway.reload(config(folder.path(), &fewer)).await;
    reloaded.expect("a valid one");
    assert!(!metrics(admin(&gateway)).await.contains_key(A));
    let shown = json(admin(&gateway), "/certificates").await;
    let shown = &shown["certificates"];
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(shown[0]["listener"], "web");
    assert_eq!(shown[0]["name"], "b.test");
    assert_eq!(shown[0]["dns_names"][0], "b.test");
    assert_eq!(shown[0]["not_after"], "2001-01-01T00:00:00Z");
    assert_eq!(shown[0]["expired"], true);
    let file = folder.path().join("b.pem");
    assert_eq!(shown[0]["file"].as_str(), file.to_str());
}

#[tokio::test]
async fn start_reload_and_check_warn_before_the_end() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let soon = |days: u32| {
        let identity = authority.identity_for("a.test", DAYS * days + DAYS / 2);
        identity.write(folder.path(), "a");
    };
    soon(9);
    fs::write(folder.path().join("loom.yaml"), listener(&["a"], "") + ECHO).expect("written");
    let output = loom(folder.path(), &["check"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let place = "warning: loom.yaml:6:23: listeners[0].tls.certificates[0].cert_file: the certificate in `a.pem` expires on ";
    assert!(
        said.contains(place) && said.contains(", in 9 days"),
        "{said}"
    );

    let mut running = Loom::start(folder.path(), &[]);
    running.line("expires on").await;
    running.line("listening").await;
    soon(8);
    let line = running.line("expires on").await;
    assert!(line.contains(", in 8 days"), "{line}");
    running.line("reloaded").await;
}
