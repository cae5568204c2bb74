//! Every host function in every phase with random arguments. Whatever a plugin does, its request comes to an end, its VM
//! lives, and no context is left.
//!
//! Each run is one request with a seed of its own. `LOOM_ZOO_RUNS` sets how many there are.

use loom_layer::LoomPlugin;

use super::super::support::{Guest, eventually, get, logs, send};
use super::POLICIES;
use super::animal::{Animal, guest};
use super::imports::{all, call, import_all};
use super::visit::{plugin, request};

/// How many plugins run side by side, each with a VM of its own.
const SIDE_BY_SIDE: usize = 16;

fn runs() -> usize {
    std::env::var("LOOM_ZOO_RUNS").map_or(2000, |runs| runs.parse().expect("a number"))
}

fn animal() -> Animal {
    let mut cases = String::new();
    for (number, import) in all().enumerate() {
        let call = call(import, number, |kind| {
            match kind {
                'p' => "(call $pointer)",
                'n' => "(call $length)",
                'I' => "(call $long)",
                _ => "(call $number)",
            }
            .to_owned()
        });
        cases += &format!("(if (i32.eq (local.get $f) (i32.const {number})) (then {call}))\n");
    }
    let functions = all().count();
    let guest: Guest = import_all(guest()).item(RANDOM).item(&format!(
        "(func $call_something (local $f i32)
           (local.set $f (i32.rem_u (call $random) (i32.const {functions})))
           {cases})"
    ));
    Animal::of(
        "random",
        guest,
        "(call $sow (local.get $phase))
         (memory.fill (i32.const 196608) (i32.add (i32.const 97) (i32.and (call $random) (i32.const 15))) (i32.const 65536))
         (local.set $i (i32.and (call $random) (i32.const 7)))
         (loop $more
           (call $call_something)
           (local.set $i (i32.sub (local.get $i) (i32.const 1)))
           (br_if $more (i32.gt_s (local.get $i) (i32.const 0))))
         (i32.shr_u (i32.and (call $random) (i32.const 7)) (i32.const 2))",
    )
}

/// A generator, and arguments that are likely to lead somewhere. Addresses within the memory are those of a page that
/// nothing else depends on.
const RANDOM: &str = r#"
    (global $seed (mut i32) (i32.const 1))
    (func $sow (param $phase i32) (local $at i32)
      (if (i32.eqz (call $get (i32.const 0) @"x-seed" (i32.const 16) (i32.const 20)))
        (then
          (global.set $seed (i32.const 17))
          (loop $more
            (global.set $seed (i32.add
              (i32.mul (global.get $seed) (i32.const 31))
              (i32.load8_u (i32.add (call $out) (local.get $at)))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $at) (call $out_len))))
          (global.set $seed (i32.or (i32.const 1)
            (i32.mul (i32.xor (global.get $seed) (local.get $phase)) (i32.const 0x9E3779B1)))))))
    (func $random (result i32)
      (global.set $seed (i32.xor (global.get $seed) (i32.shl (global.get $seed) (i32.const 13))))
      (global.set $seed (i32.xor (global.get $seed) (i32.shr_u (global.get $seed) (i32.const 17))))
      (global.set $seed (i32.xor (global.get $seed) (i32.shl (global.get $seed) (i32.const 5))))
      (i32.shr_u (global.get $seed) (i32.const 3)))
    (func $one_in_eight (result i32)
      (i32.eqz (i32.and (call $random) (i32.const 7))))
    (func $number (result i32)
      (if (call $one_in_eight) (then (return (i32.sub (i32.const 0) (call $random)))))
      (if (call $one_in_eight) (then (return (i32.rem_u (call $random) (i32.const 100000)))))
      (if (call $one_in_eight) (then (return (i32.rem_u (call $random) (i32.const 700)))))
      (i32.rem_u (call $random) (i32.const 12)))
    (func $pointer (result i32)
      (if (call $one_in_eight) (then (return (i32.sub (i32.const 0) (call $random)))))
      (if (call $one_in_eight)
        (then (return (i32.sub (i32.const 262144) (i32.rem_u (call $random) (i32.const 32))))))
      (i32.add (i32.const 196608) (i32.rem_u (call $random) (i32.const 4096))))
    (func $length (result i32)
      (if (call $one_in_eight) (then (return (i32.mul (call $random) (i32.const 8)))))
      (if (call $one_in_eight) (then (return (i32.rem_u (call $random) (i32.const 65536)))))
      (i32.rem_u (call $random) (i32.const 32)))
    (func $long (result i64)
      (i64.shl (i64.extend_i32_u (call $number)) (i64.extend_i32_u (i32.and (call $random) (i32.const 63)))))"#;

async fn is_well(name: &str, plugin: &LoomPlugin) {
    let failures: Vec<_> = logs::of(name)
        .into_iter()
        .filter(|line| line.target == "loom::vm")
        .collect();
    assert!(failures.is_empty(), "{name}: {failures:?}");
    assert_eq!(plugin.instances(), 1, "{name}");
    eventually("no context is left", || {
        let answer = futures_util::FutureExt::now_or_never(send(plugin.clone(), get(&[])));
        answer.is_some_and(|answer| answer.seen.is_some() && answer.seen("x-alive") == "1")
    })
    .await;
}

/// One request after the other, so that a seed always does the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_after_the_other() {
    let animal = animal();
    let each = runs().div_ceil(SIDE_BY_SIDE);
    let mut tasks = Vec::new();
    for task in 0..SIDE_BY_SIDE {
        let policy = POLICIES[task % POLICIES.len()];
        let name = format!("zoo-random-{task}");
        let plugin = plugin(&name, &animal, policy).build().unwrap();
        tasks.push(tokio::spawn(async move {
            for run in 0..each {
                let seed = format!("{task}-{run}");
                request(plugin.clone(), &[("x-phase", "*"), ("x-seed", &seed)]).await;
                let failures = logs::of(&name).iter().any(|line| line.target == "loom::vm");
                assert!(!failures, "seed {seed}");
            }
            is_well(&name, &plugin).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Many at once in the same two VMs: what one does with `proxy_set_effective_context` hits the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_at_once() {
    let animal = animal();
    for policy in POLICIES {
        let name = format!("zoo-random-{policy:?}");
        let plugin = plugin(&name, &animal, policy).instances(2).build().unwrap();
        eventually("two VMs", || plugin.instances() == 2).await;
        let requests: Vec<_> = (0..runs() / 2)
            .map(|run| {
                let plugin = plugin.clone();
                tokio::spawn(async move {
                    let seed = format!("{run}");
                    request(plugin, &[("x-phase", "*"), ("x-seed", &seed)]).await
                })
            })
            .collect();
        for request in requests {
            request.await.unwrap();
        }
        let failed = logs::of(&name)
            .into_iter()
            .find(|line| line.target == "loom::vm");
        assert!(failed.is_none(), "{failed:?}");
        assert_eq!(plugin.instances(), 2);
        for _ in POLICIES {
            let answer = send(plugin.clone(), get(&[])).await;
            assert_eq!(answer.status, 200);
        }
    }
}
