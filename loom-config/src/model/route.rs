//! Routes: what they are told by, and what becomes of their requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};

use super::{Action, Changes, FailurePolicy, Middleware, Pattern, Retry};

/// One route: which requests it takes, which plugins they pass, where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its unique id.
    pub id: String,
    /// Indexes into [`Config::listeners`](super::Config::listeners).
    pub listeners: Vec<usize>,
    /// The hosts that it takes; empty means every host.
    pub hosts: Vec<HostMatch>,
    /// The paths that it takes; never empty.
    pub paths: Vec<PathMatch>,
    /// The methods that it takes, in alphabetical order; empty means every method.
    pub methods: Vec<Method>,
    /// What the headers have to be.
    pub headers: Vec<Predicate<HeaderName>>,
    /// What the parameters of the query have to be.
    pub query: Vec<Predicate<String>>,
    /// Decides between routes that are equally close to a request: the lower one is asked first.
    pub order: i32,
    /// The plugins that a request passes, in the order in which it passes them: by priority, then by the file's order.
    pub plugins: Vec<PluginUse>,
    /// What it does with them.
    pub action: Action,
    /// What is changed on the way to an upstream and back.
    pub changes: Changes,
    /// From the end of the request to the end of the response; `None` means no limit.
    pub timeout: Option<Duration>,
    /// When a request is sent once more.
    pub retry: Option<Retry>,
    /// How long nothing of a request or response may pass; `None` means no limit.
    pub idle_timeout: Option<Duration>,
    /// What stands around its plugins.
    pub middleware: Middleware,
}

/// A host that a route takes, in lower case and without a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostMatch {
    /// Exactly this host.
    Exact(String),
    /// `*.example.com`, kept as `.example.com`: every host below, not the domain itself.
    Suffix(String),
}

/// As the configuration writes it.
impl fmt::Display for HostMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}

/// A path that a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatch {
    /// Exactly this path.
    Exact(String),
    /// `/api/*`, kept as `/api`: `/api`, `/api/` and everything below. `/*` is kept as the empty string.
    Prefix(String),
    /// `/users/{id}`: what stands in braces takes any segment.
    Template(PathTemplate),
    /// Every path that this matches.
    Regex(Pattern),
}

/// As the configuration writes it; an expression stands behind a tilde.
impl fmt::Display for PathMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::Prefix(prefix) => write!(f, "{prefix}/*"),
            Self::Regex(pattern) => write!(f, "~ {}", pattern.as_str()),
            Self::Template(template) => {
                for segment in &template.segments {
                    match segment {
                        Segment::Literal(text) => write!(f, "/{text}")?,
                        Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
                    }
                }
                f.write_str(if template.below { "/*" } else { "" })
            }
        }
    }
}

/// A path with parameters in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathTemplate {
    /// What stands between its slashes; never empty.
    pub segments: Vec<Segment>,
    /// Whether it takes everything below as well: `/users/{id}/*`.
    pub below: bool,
}

/// One segment of a path with parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text; empty behind a final slash.
    Literal(String),
    /// Any text but an empty one, as the value of the parameter of this name.
    Parameter(String),
}

/// What one header, or one parameter of the query, has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate<N> {
    /// The name of what is looked at.
    pub name: N,
    /// What is asked about it.
    pub test: Test,
}

/// What is asked about a header or a parameter. Of several values of one name, one is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Whether this is its value.
    Exact(String),
    /// Whether its value matches.
    Matches(Pattern),
    /// Whether it is there, or is not.
    Present(bool),
}

/// As people read it: `x-a = "1"`, `x-a ~ "[0-9]+"`, `x-a is there`, `x-a is not there`.
impl<N: fmt::Display> fmt::Display for Predicate<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, test } = self;
        match test {
            Test::Exact(value) => write!(f, "{name} = {value:?}"),
            Test::Matches(pattern) => write!(f, "{name} ~ {:?}", pattern.as_str()),
            Test::Present(true) => write!(f, "{name} is there"),
            Test::Present(false) => write!(f, "{name} is not there"),
        }
    }
}

/// A plugin's place on a route or a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginUse {
    /// Index into [`Config::plugins`](super::Config::plugins).
    pub plugin: usize,
    /// What is different there.
    pub overrides: PluginOverrides,
    /// The priority that decided its place: that of this list, or else the plugin's own.
    pub priority: i32,
    /// Whether `defaults.plugins` brought it here.
    pub inherited: bool,
}

impl PluginUse {
    /// Whether the plugin would run twice, and nobody could tell one from the other, wherever they stand.
    pub(crate) fn runs_the_same_as(&self, other: &Self) -> bool {
        self.plugin == other.plugin
            && self.overrides.id == other.overrides.id
            && self.overrides.config == other.overrides.config
    }
}

/// Settings of one place that stand for those of the [`Plugin`](super::Plugin).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PluginOverrides {
    /// What it is called there, for [`Plugin::name`](super::Plugin::name).
    pub id: Option<String>,
    /// For [`Plugin::config`](super::Plugin::config).
    pub config: Option<Arc<[u8]>>,
    /// For [`Plugin::timeout`](super::Plugin::timeout).
    pub timeout: Option<Duration>,
    /// For [`Plugin::failure_policy`](super::Plugin::failure_policy).
    pub failure_policy: Option<FailurePolicy>,
}

impl PluginOverrides {
    /// Whether the plugin is there as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
