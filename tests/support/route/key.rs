//! The one key, where each provider looks for it, and what it says when that is another.

use super::{Provider, path_of};
use crate::{Kind, Seen, fault::Fault};

impl Provider {
    pub(super) fn allowed(&self, seen: &Seen) -> Result<(), Fault> {
        let header = |name| Some(seen.header(name)).filter(|value| !value.is_empty());
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let enveloped = path_of(seen).starts_with("/v1internal:");
        let key = match self.kind {
            Kind::Messages => header("x-api-key").or(bearer),
            Kind::Gemini if !enveloped => header("x-goog-api-key"),
            // Other services' ways, for what is passed to them as it is.
            Kind::Chat => bearer.or_else(|| other(seen)),
            Kind::Responses | Kind::Gemini | Kind::Kiro => bearer,
        };
        match key {
            None => Err(self.missing(enveloped)),
            Some(key) if !(self.keys.0)(key) => Err(self.wrong(enveloped)),
            Some(_) if self.kind == Kind::Messages && header("anthropic-version").is_none() => {
                Err(Fault::bad("anthropic-version: header is required"))
            }
            Some(_) => Ok(()),
        }
    }

    fn missing(&self, enveloped: bool) -> Fault {
        match self.kind {
            Kind::Chat | Kind::Responses => Fault::new(401, "You didn't provide an API key."),
            Kind::Messages => Fault::new(401, "x-api-key header is required"),
            Kind::Gemini if enveloped => Fault::new(401, "Request is missing a credential."),
            Kind::Gemini => Fault::new(
                403,
                "Method doesn't allow unregistered callers (callers without established identity).",
            ),
            Kind::Kiro => Fault::new(403, "The bearer token included in the request is invalid."),
        }
    }

    fn wrong(&self, enveloped: bool) -> Fault {
        match self.kind {
            Kind::Chat | Kind::Responses => Fault::new(
                401,
                "Incorrect API key provided. Find yours with this simulator's settings.",
            ),
            Kind::Messages => Fault::new(401, "invalid x-api-key"),
            Kind::Gemini if enveloped => Fault::new(401, "Request had an invalid credential."),
            Kind::Gemini => Fault::bad("API key not valid. Please pass a valid API key.")
                .code("API_KEY_INVALID"),
            Kind::Kiro => Fault::new(403, "The bearer token included in the request is invalid."),
        }
    }
}

fn other(seen: &Seen) -> Option<&str> {
    let token = seen.header("authorization").strip_prefix("Token ");
    let named = ["xi-api-key", "api-key"].map(|name| seen.header(name));
    token.or_else(|| named.into_iter().find(|key| !key.is_empty()))
}
