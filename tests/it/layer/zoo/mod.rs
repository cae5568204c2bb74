//! Guests that misbehave, in every phase, under both failure policies.
//!
//! An *animal* is a piece of WebAssembly that does something that a plugin should not do. It is put into a plugin that has
//! every callback, and let out in one of them: the request says in which. Each visit then looks at everything that others
//! could notice: the answer, the request that the inner service got, a neighbour that is served all the while, the VM
//! afterwards, the contexts that are left in it, and the line in the log.

/// A test for each animal, by what is to become of it.
macro_rules! animals {
    ($($name:ident: $by:ident($($argument:expr),+);)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $by(stringify!($name), $($argument),+).await;
        }
    )+};
}

mod animal;
mod arguments;
mod fatal;
mod harmless;
mod imports;
mod leaks;
mod neighbour;
mod random;
mod starts;
mod streams;
mod visit;

use loom_layer::FailurePolicy;

use animal::{Animal, Phase};
use neighbour::Neighbour;
use visit::{Outcome, visit};

const POLICIES: [FailurePolicy; 2] = [FailurePolicy::Closed, FailurePolicy::Open];

/// A module that does this in the callback that the request names.
pub(crate) fn wasm(does: &str) -> Vec<u8> {
    Animal::new("gateway", does).guest.wasm()
}

/// Lets an animal out in all phases under both policies, each time in a VM of its own, while a neighbour is served.
async fn everywhere(animal: &Animal, expected: impl Fn(Phase, FailurePolicy) -> Outcome) {
    let neighbour = Neighbour::start(animal.name);
    // Keeps the compiled code, which would go with the plugin of each visit.
    let keeper = format!("zoo-{}-keeper", animal.name);
    let _keeper = visit::plugin(&keeper, animal, FailurePolicy::Closed).build();
    for policy in POLICIES {
        for phase in Phase::ALL {
            let visit = visit(animal, phase, policy).await;
            visit.ended_as(&expected(phase, policy));
            animal.check(&visit).await;
        }
    }
    neighbour.was_served().await;
}
