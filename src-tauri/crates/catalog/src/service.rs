use std::collections::BTreeMap;

use byokey_wire::{Shape, Task};
use serde::Deserialize;

use crate::Auth;
use crate::endpoint::{escape, matches};

/// One address at which a provider does something else than talk: embeddings, speech, pictures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What is done there.
    pub task: Task,
    /// In which form.
    #[serde(default)]
    pub shape: Shape,
    /// Base that configuration may replace; the provider's own unless the row names another. May
    /// hold `{name}` of a [`Field`](crate::Field).
    #[serde(default)]
    pub base_url: String,
    /// Path behind the base; may hold `{model}`, `{voice}` and `{method}`.
    pub path: String,
    /// Routes whose credential it takes; empty means all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Models it serves, as ids or prefixes ending in `*`; empty means all.
    #[serde(default)]
    pub models: Vec<String>,
    /// How the credential is sent where it is not the provider's way.
    pub auth: Option<Auth>,
    /// Constant headers in addition to the provider's.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Service {
    /// A service of `task` at `path` behind the provider's own base.
    pub fn at(task: Task, shape: Shape, path: &str) -> Self {
        Self {
            task,
            shape,
            base_url: String::new(),
            path: path.to_owned(),
            routes: Vec::new(),
            models: Vec::new(),
            auth: None,
            headers: BTreeMap::new(),
        }
    }

    /// Whether it takes the credential of this route.
    pub fn takes(&self, route: &str) -> bool {
        self.routes.is_empty() || self.routes.iter().any(|id| id == route)
    }

    /// Whether it serves this model.
    pub fn serves(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| matches(pattern, model))
    }

    /// Address for a request behind `base`. Model and voice are escaped; the method is one of the
    /// translation's own words.
    pub fn url(&self, base: &str, model: &str, voice: &str, method: &str) -> String {
        let base = base.trim_end_matches('/');
        let path = self
            .path
            .replace("{method}", method)
            .replace("{voice}", &escape(voice))
            .replace("{model}", &escape(model));
        format!("{base}{path}")
    }
}

/// Another host of a provider, for calls that pass through as they are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeHost {
    /// What paths begin with there.
    pub path: String,
    /// Scheme and host.
    pub base_url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_names_stays_in_its_segment() {
        let service = Service::at(
            Task::Speech,
            Shape::ElevenLabs,
            "/v1/tts/{voice}/{model}:{method}",
        );
        assert_eq!(
            service.url("https://a.example/", "../m", "a/{model}?b#c", "go"),
            "https://a.example/v1/tts/a%2F%7Bmodel%7D%3Fb%23c/..%2Fm:go"
        );
    }

    #[test]
    fn serves_what_its_patterns_say() {
        let mut service = Service::at(Task::Images, Shape::Imagen, "/x");
        assert!(service.serves("anything") && service.takes("any"));
        service.models = vec!["imagen-*".into()];
        service.routes = vec!["api-key".into()];
        assert!(service.serves("imagen-4") && !service.serves("gemini-image"));
        assert!(service.takes("api-key") && !service.takes("vertex"));
    }
}
