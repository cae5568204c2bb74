//! `basic_auth`

use std::collections::BTreeMap;
use std::sync::Arc;

use bcrypt::HashParts;

use super::Checker;
use crate::check::headers;
use crate::limits;
use crate::model::{BasicAuth, Secret};
use crate::raw;
use crate::schema::quoted;
use crate::tree::KeyPath;

const HINT: &str = "`htpasswd -nB NAME` makes one";

pub(super) fn check(
    raw: &raw::BasicAuth,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<BasicAuth> {
    let mut users = BTreeMap::new();
    let at = path.key("users");
    for (name, hash) in raw.users.iter().flatten() {
        let at = at.key(name);
        if !is_name(name) {
            let message = format!("{} cannot be a name: names have no `:`", quoted(name));
            checker.fault(&at, message);
        } else if let Err(why) = check_hash(hash) {
            checker.fault(&at, why).with_hint(HINT);
        }
        users.insert(name.clone(), Secret::new(hash));
    }
    if let Some(file) = &raw.users_file {
        from_file(file, &mut users, &path.key("users_file"), checker);
    }
    if users.is_empty() && checker.is_empty_of(path, &["users", "users_file"]) {
        checker
            .fault(path, "there is no user; expected `users` or `users_file`")
            .with_hint(HINT);
    }
    let realm = raw.realm.as_deref().unwrap_or(limits::REALM);
    if !is_quotable(realm) {
        let message = "expected words in ASCII, without quotes and backslashes";
        checker.fault(&path.key("realm"), message);
    }
    let user_header = raw.user_header.as_deref();
    let user_header =
        user_header.and_then(|written| headers::own(written, &path.key("user_header"), checker));
    Some(BasicAuth {
        users: Arc::new(users),
        realm: realm.to_owned(),
        user_header,
        forward_credentials: raw.forward_credentials.unwrap_or(false),
    })
}

/// Reads a file as `htpasswd` writes it.
fn from_file(
    file: &str,
    users: &mut BTreeMap<String, Secret>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) {
    let Some(text) = checker.file(file, path) else {
        return;
    };
    let before = users.len();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let Some((name, hash)) = line.split_once(':').filter(|(name, _)| is_name(name)) else {
            let message = format!("line {number} of the file is not `name:hash`");
            checker.fault(path, message).with_hint(HINT);
            continue;
        };
        if let Err(why) = check_hash(hash) {
            let message = format!("line {number} of the file: {why}");
            checker.fault(path, message).with_hint(HINT);
        } else if users.insert(name.to_owned(), Secret::new(hash)).is_some() {
            let message = format!("line {number} of the file: there is a user {name} already");
            checker.fault(path, message);
        }
    }
    if users.len() == before {
        checker.fault(path, "the file names no user");
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(':') && !name.chars().any(char::is_control)
}

/// Whether text can stand in quotes as it is (RFC 9110, 5.6.4).
fn is_quotable(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.all(|byte| (byte.is_ascii_graphic() || byte == b' ') && !b"\"\\".contains(&byte))
}

fn check_hash(hash: &str) -> Result<(), String> {
    let Ok(parts) = hash.parse::<HashParts>() else {
        return Err("this is not a bcrypt hash, which begins with `$2y$` or the like".to_owned());
    };
    let cost = limits::BCRYPT_COST;
    if !cost.contains(&parts.get_cost()) {
        return Err(format!(
            "the cost of this hash is {}; expected {} to {}",
            parts.get_cost(),
            cost.start(),
            cost.end()
        ));
    }
    Ok(())
}
