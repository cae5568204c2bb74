//! Whether a password is right. bcrypt takes long on purpose, so that it runs off the worker threads, and only so much of it at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::available_parallelism;

use bcrypt::HashParts;
use loom_config::Secret;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::credentials::Credentials;
use super::known::Known;
use crate::limits;

/// What a password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The user's.
    Right,
    /// Not the user's, or there is no such user.
    Wrong,
    /// Too many others are being checked.
    Busy,
}

#[derive(Debug)]
pub(super) struct Verifier {
    users: Arc<BTreeMap<String, Secret>>,
    /// What the password of an unknown user is compared with: as much work as for a known one, and never right.
    nobody: String,
    known: Option<Known>,
    /// One for each check that runs or waits.
    places: Arc<Semaphore>,
    /// One for each check that runs.
    running: Arc<Semaphore>,
}

impl Verifier {
    pub(super) fn new(users: Arc<BTreeMap<String, Secret>>) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            nobody: nobody(&users),
            users,
            known: Known::new().ok(),
            places: Arc::new(Semaphore::new(limits::PASSWORD_CHECKS)),
            // The other half is for requests that need none.
            running: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }

    /// Checks a password.
    pub(super) async fn verify(&self, credentials: Credentials) -> Verdict {
        let known = self.known.as_ref();
        let known = known.map(|known| (known, known.tag(&credentials)));
        if known.is_some_and(|(known, tag)| known.has(tag)) {
            return Verdict::Right;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Verdict::Busy;
        };
        let Ok(running) = Arc::clone(&self.running).acquire_owned().await else {
            return Verdict::Busy;
        };
        // Another request with the same ones may have been first: a page loads many things at once.
        if known.is_some_and(|(known, tag)| known.has(tag)) {
            return Verdict::Right;
        }
        let user = self.users.get(&credentials.user);
        let hash = user.map_or_else(|| self.nobody.clone(), |hash| hash.reveal().to_owned());
        let check = spawn_blocking(move || {
            // It runs to its end though the client may be gone, and counts until then.
            let _held = (place, running);
            bcrypt::verify(&credentials.password, &hash).unwrap_or(false)
        });
        let right = check.await.unwrap_or(false) && user.is_some();
        if !right {
            return Verdict::Wrong;
        }
        if let Some((known, tag)) = known {
            known.add(tag);
        }
        Verdict::Right
    }
}

/// A hash that is as much work as the users' own. Where these differ, it is as much as the most.
fn nobody(users: &BTreeMap<String, Secret>) -> String {
    let parts = users
        .values()
        .map(|hash| hash.reveal().parse::<HashParts>());
    let cost = parts.flatten().map(|parts| parts.get_cost()).max();
    let cost = cost.unwrap_or(bcrypt::DEFAULT_COST);
    format!("$2b${cost:02}${}", ".".repeat(53))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifier() -> Verifier {
        let hash = |password: &str| bcrypt::hash(password, 4).expect("a hash");
        let users = [("al", hash("secret")), ("bo", hash("other"))];
        let yaml = format!(
            "defaults: {{basic_auth: {{users: {{{}: '{}', {}: '{}'}}}}}}\nroutes: [{{id: a, path: /*, respond: 200}}]",
            users[0].0, users[0].1, users[1].0, users[1].1
        );
        let config = loom_config::Loader::default().parse("loom.yaml", &yaml);
        let config = config.expect("a configuration");
        let auth = config.routes[0].middleware.basic_auth.as_ref();
        Verifier::new(Arc::clone(&auth.expect("users").users))
    }

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        }
    }

    #[tokio::test]
    async fn a_password_is_right_for_its_user_alone() {
        let verifier = verifier();
        for (user, password, wanted) in [
            ("al", "secret", Verdict::Right),
            ("al", "secret", Verdict::Right),
            ("al", "other", Verdict::Wrong),
            ("bo", "secret", Verdict::Wrong),
            ("bo", "other", Verdict::Right),
            ("cy", "secret", Verdict::Wrong),
            ("", "", Verdict::Wrong),
        ] {
            let verdict = verifier.verify(credentials(user, password)).await;
            assert_eq!(verdict, wanted, "{user} {password}");
        }
    }

    /// What is known needs no place, and what is not is refused rather than piled up.
    #[tokio::test]
    async fn no_more_checks_wait_than_there_are_places() {
        let verifier = verifier();
        let first = verifier.verify(credentials("al", "secret")).await;
        assert_eq!(first, Verdict::Right);
        let all = limits::PASSWORD_CHECKS.try_into().expect("a small number");
        let _all = Arc::clone(&verifier.places).acquire_many_owned(all).await;
        let known = verifier.verify(credentials("al", "secret")).await;
        assert_eq!(known, Verdict::Right);
        let unknown = verifier.verify(credentials("al", "guess")).await;
        assert_eq!(unknown, Verdict::Busy);
    }

    #[test]
    fn nobody_is_as_much_work_as_somebody() {
        let verifier = verifier();
        let parts: HashParts = verifier.nobody.parse().expect("a hash");
        assert_eq!(parts.get_cost(), 4);
    }
}
