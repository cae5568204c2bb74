//! What a case says. The files in `cases/` are read into these types; the README explains each key.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::text::unescape;

/// One case: plugins, an exchange, and what is known to differ.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Unique in its file.
    pub(crate) name: String,
    /// The script of the only plugin, when its other keys do not matter.
    #[serde(default)]
    plugin: Option<String>,
    #[serde(default)]
    plugins: Vec<Plugin>,
    #[serde(default)]
    request: Option<Request>,
    #[serde(default)]
    requests: Vec<Request>,
    /// How the server behind the route answers.
    #[serde(default)]
    pub(crate) upstream: OneOrMany<Answer>,
    /// Further servers, which only callouts reach.
    #[serde(default)]
    pub(crate) upstreams: BTreeMap<String, OneOrMany<Answer>>,
    /// The requests are sent shortly one after the other, and not each after the answer to the one before.
    #[serde(default)]
    pub(crate) together: bool,
    /// The plugins of the case do something at the same time: their lines are compared one plugin after the other.
    #[serde(default)]
    pub(crate) apart: bool,
    /// Needs a process of its own, since it may end it.
    #[serde(default)]
    pub(crate) alone: bool,
    /// The class of `differences.yaml` by which Loom may answer otherwise.
    #[serde(default)]
    pub(crate) differs: Option<String>,
}

/// One plugin of a chain.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plugin {
    #[serde(default)]
    pub(crate) script: String,
    /// The script for what happens before the configuration is there, given as the VM's configuration.
    #[serde(default)]
    pub(crate) vm_script: String,
    #[serde(default)]
    pub(crate) abi: Abi,
    /// Plugins with the same one share shared data, queues, and, where the rest is the same too, the VM.
    #[serde(default)]
    pub(crate) vm_id: Option<String>,
    #[serde(default)]
    pub(crate) root_id: String,
    /// The environment variables of its VM.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) stop_iteration: bool,
    #[serde(default)]
    pub(crate) fail_open: bool,
    /// Callbacks that the module does not export.
    #[serde(default)]
    pub(crate) without: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
pub(crate) enum Abi {
    #[serde(rename = "0.1.0")]
    V0_1_0,
    #[serde(rename = "0.2.0")]
    V0_2_0,
    #[default]
    #[serde(rename = "0.2.1")]
    V0_2_1,
}

/// What the client sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Request {
    /// 1 or 2.
    pub(crate) http: u8,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authority: String,
    pub(crate) headers: Vec<Field>,
    #[serde(flatten)]
    pub(crate) body: Body,
    /// Goes away when this much time passed.
    #[serde(deserialize_with = "millis")]
    pub(crate) abort_after: Option<Duration>,
    /// How long an answer is waited for.
    #[serde(deserialize_with = "millis")]
    pub(crate) patience: Option<Duration>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            http: 1,
            method: "GET".into(),
            path: "/".into(),
            authority: "example.test".into(),
            headers: Vec::new(),
            body: Body::default(),
            abort_after: None,
            patience: None,
        }
    }
}

/// A body and its trailers, in either direction.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    pub(crate) body: Pieces,
    pub(crate) trailers: Vec<Field>,
    /// A pause before each piece, and before the end, so that no host sees two of them as one.
    pub(crate) paced: bool,
    /// Framed by chunks although the length is known.
    pub(crate) chunked: bool,
}

impl Body {
    /// Whether the length cannot or shall not be told beforehand.
    pub(crate) fn is_chunked(&self) -> bool {
        self.chunked || self.paced || !self.trailers.is_empty()
    }

    pub(crate) fn length(&self) -> usize {
        self.body.0.iter().map(Vec::len).sum()
    }
}

/// How a server answers one request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Answer {
    /// 1 or 2; that of the first answer is the server's.
    pub(crate) http: u8,
    pub(crate) status: u16,
    pub(crate) headers: Vec<Field>,
    #[serde(flatten)]
    pub(crate) body: Body,
    #[serde(deserialize_with = "millis")]
    pub(crate) delay: Option<Duration>,
    /// Does not wait for the request's body.
    pub(crate) early: bool,
    /// Breaks the connection at this point.
    pub(crate) reset: Option<Reset>,
    /// Never answers.
    pub(crate) silent: bool,
    /// Nobody listens.
    pub(crate) dead: bool,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            http: 1,
            status: 200,
            headers: Vec::new(),
            body: Body::default(),
            delay: None,
            early: false,
            reset: None,
            silent: false,
            dead: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reset {
    BeforeHead,
    AfterHead,
    InBody,
}

/// `name: value`, with the escapes of scripts in the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: Vec<u8>,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (name, value) = text
            .split_once(": ")
            .or_else(|| text.strip_suffix(':').map(|name| (name, "")))
            .ok_or_else(|| {
                serde::de::Error::custom(format!("{text:?} is no header: write `name: value`"))
            })?;
        Ok(Self {
            name: name.to_owned(),
            value: unescape(value),
        })
    }
}

/// The pieces in which a body is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces(pub(crate) Vec<Vec<u8>>);

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = OneOrMany::<String>::deserialize(deserializer)?.0;
        Ok(Self(texts.iter().map(|text| unescape(text)).collect()))
    }
}

/// A list, whose only element may stand without brackets.
#[derive(Debug, Clone)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Default> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(vec![T::default()])
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<T> {
            Many(Vec<T>),
            One(T),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Many(many) => many,
            Either::One(one) => vec![one],
        }))
    }
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
}

impl Case {
    pub(crate) fn plugins(&self) -> Vec<Plugin> {
        match &self.plugin {
            Some(script) => vec![Plugin {
                script: script.clone(),
                ..Plugin::default()
            }],
            None => self.plugins.clone(),
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        match (&self.request, self.requests.as_slice()) {
            (Some(request), _) => vec![request.clone()],
            (None, []) => vec![Request::default()],
            (None, requests) => requests.to_vec(),
        }
    }

    /// The servers by name, `main` being the one behind the route.
    pub(crate) fn servers(&self) -> impl Iterator<Item = (&str, &[Answer])> {
        let others = self.upstreams.iter();
        let others = others.map(|(name, answers)| (name.as_str(), answers.0.as_slice()));
        std::iter::once(("main", self.upstream.0.as_slice())).chain(others)
    }

    /// Whether the pieces of bodies reach every host one by one, so that they can be compared.
    pub(crate) fn is_paced(&self) -> bool {
        let servers = self.servers().flat_map(|(_, answers)| answers);
        let mut answers = servers.map(|answer| answer.body.paced);
        self.requests().iter().any(|request| request.body.paced) || answers.any(|paced| paced)
    }
}
