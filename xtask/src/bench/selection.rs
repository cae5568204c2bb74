//! Which cases and which subjects take part.

use std::path::Path;

use super::built::Built;
use super::cases::{self, Case};
use super::subjects::{Kind, Subject};
use crate::Error;
use crate::programs::{self, Program};

/// The cases of these names; `tls-*` stands for all that begin so. Without names, all of them.
pub(super) fn cases(names: &[String]) -> Result<Vec<Case>, Error> {
    let all = cases::all();
    for name in names {
        if !all.iter().any(|case| fits(name, case.name)) {
            let known: Vec<_> = all.iter().map(|case| case.name).collect();
            let known = known.join(", ");
            return Err(Error::new(format!(
                "there is no case `{name}`; there are: {known}"
            )));
        }
    }
    let wanted = |case: &Case| names.is_empty() || names.iter().any(|name| fits(name, case.name));
    Ok(all.into_iter().filter(wanted).collect())
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == pattern,
    }
}

/// The kinds of these names; without any, all of them.
pub(super) fn kinds(names: &[String]) -> Result<Vec<Kind>, Error> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !Kind::ALL.iter().any(|kind| kind.name() == *name))
    {
        let known = Kind::ALL.map(Kind::name).join(", ");
        return Err(Error::new(format!(
            "there is no subject `{unknown}`; there are: {known}"
        )));
    }
    let wanted = |kind: &Kind| names.is_empty() || names.iter().any(|name| name == kind.name());
    Ok(Kind::ALL.into_iter().filter(wanted).collect())
}

/// Those that are there, and what is not.
pub(super) fn subjects(
    root: &Path,
    nginx: &Program,
    built: &Built,
    kinds: &[Kind],
) -> Result<(Vec<Subject>, Vec<String>), Error> {
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for &kind in kinds {
        let program = match kind {
            Kind::Loom => Some(built.program("loom")?),
            Kind::Hyper => Some(built.program("bare-proxy")?),
            Kind::Nginx => Some(nginx.clone()),
            Kind::Haproxy => programs::find("haproxy", "-v"),
            Kind::Envoy => programs::envoy(root)
                .inspect_err(|error| eprintln!("{error}"))
                .ok(),
        };
        match program {
            Some(program) => found.push(Subject { kind, program }),
            None => absent.push(format!("{} is not there", kind.name())),
        }
    }
    for missing in &absent {
        eprintln!("{missing}, and is left out.");
    }
    Ok((found, absent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_chosen_by_name_and_by_how_names_begin() {
        let names = |wanted: &[&str]| -> Vec<_> {
            let wanted: Vec<_> = wanted.iter().map(|&name| name.to_owned()).collect();
            let cases = cases(&wanted).expect("cases");
            cases.iter().map(|case| case.name).collect()
        };
        assert_eq!(names(&["plain"]), ["plain"]);
        assert_eq!(names(&["idle*", "grpc"]), ["grpc", "idle", "idle-tls"]);
        assert_eq!(names(&[]).len(), cases::all().len());
        assert!(cases(&["pla".to_owned()]).is_err());
        assert!(kinds(&["apache".to_owned()]).is_err());
    }

    #[test]
    fn no_two_cases_have_one_name() {
        let mut names: Vec<_> = cases::all().iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cases::all().len());
    }
}
