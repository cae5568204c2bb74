//! What h2spec reports, in the XML of JUnit.

use roxmltree::{Document, Node};

use crate::Error;

/// How a case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Skipped,
    /// With what h2spec says about it.
    Failed(String),
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// The section that it is about, such as `http2/5.1.1`.
    pub(super) section: String,
    /// What it does.
    pub(super) title: String,
    pub(super) outcome: Outcome,
}

/// All cases of a report.
///
/// # Errors
///
/// When it is none, or has none.
pub(super) fn parse(text: &str) -> Result<Vec<Case>, Error> {
    let document = Document::parse(text)
        .map_err(|e| Error::because("the report of h2spec cannot be read", e))?;
    let nodes = document.descendants();
    let cases: Vec<_> = nodes
        .filter(|node| node.has_tag_name("testcase"))
        .map(case)
        .collect();
    if cases.is_empty() {
        return Err(Error::new("the report of h2spec has no cases"));
    }
    Ok(cases)
}

fn case(node: Node<'_, '_>) -> Case {
    let attribute = |name| node.attribute(name).unwrap_or_default().to_owned();
    let failed = node
        .children()
        .find(|child| child.has_tag_name("failure") || child.has_tag_name("error"));
    let skipped = node.children().any(|child| child.has_tag_name("skipped"));
    Case {
        section: attribute("package"),
        title: attribute("classname"),
        outcome: match failed {
            Some(why) => Outcome::Failed(why.text().unwrap_or_default().trim().to_owned()),
            None if skipped => Outcome::Skipped,
            None => Outcome::Passed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_told_from_the_others() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="5.1. Stream States" package="http2/5.1" id="5.1" tests="4">
    <testcase package="http2/5.1" classname="a" time="0.1"></testcase>
    <testcase package="http2/5.1" classname="b" time="0.1"><skipped></skipped></testcase>
    <testcase package="http2/5.1" classname="c" time="0.1"><error>Timeout
</error></testcase>
    <testcase package="http2/5.1" classname="d" time="0.1"><failure>other</failure></testcase>
  </testsuite>
</testsuites>"#;
        let cases = parse(text).unwrap();
        let outcomes: Vec<_> = cases.iter().map(|case| case.outcome.clone()).collect();
        let failed = |why: &str| Outcome::Failed(why.to_owned());
        assert_eq!(
            outcomes,
            [
                Outcome::Passed,
                Outcome::Skipped,
                failed("Timeout"),
                failed("other")
            ]
        );
        assert_eq!(
            (cases[0].section.as_str(), cases[0].title.as_str()),
            ("http2/5.1", "a")
        );
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        assert!(parse("<testsuites></testsuites>").is_err());
        assert!(parse("connection refused").is_err());
    }
}
