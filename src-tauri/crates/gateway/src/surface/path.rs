//! Which surface a path belongs to, and what the path says of a request.
//!
//! Chat, Responses and Messages name model and stream in the body; Gemini names both in the path,
//! Azure the model. A model's name may hold `/` and `:`, so a Gemini method is only what stands
//! behind the last colon and is one of Gemini's words.

use byokey_wire::{Ask, Dialect};
use http::request::Parts;
use http::{HeaderMap, Method};

use super::beside::{self, Beside};
use crate::ollama::Call;
use crate::recall::{Recall, What};
use crate::socket;

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Requests for a reply of a model.
    Generate(Asked),
    /// How many tokens a request has.
    Count(Asked),
    /// Requests for a text completion, the old way.
    Completions(Asked),
    /// Responses over a websocket.
    Socket,
    /// Calls about an earlier response.
    Recall(Recall),
    /// Ollama's own calls.
    Ollama(Call),
    /// The list of models.
    Models(Option<Dialect>),
    /// One model.
    Model(Option<Dialect>, String),
    /// Media, calls that pass as they are, Amp.
    Beside(Beside),
    /// Whether byokey is alive.
    Health,
    /// Whether anybody is there at all; some programs ask before anything else.
    Probe,
    /// Management and the web page; they check their own callers.
    Managed,
    Unknown,
}

/// What is asked of a model, as far as dialect and path say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What the caller speaks.
    pub(crate) dialect: Dialect,
    /// What the caller understands, which is nearly always the same.
    pub(crate) answer: Dialect,
    /// The model, where the path names it.
    pub(crate) model: Option<String>,
    /// Whether a stream is wanted, where the path says so.
    pub(crate) stream: Option<bool>,
    /// A Gemini stream as one JSON array instead of server-sent events.
    pub(crate) array: bool,
    /// Not a reply, but the conversation made shorter (Responses).
    pub(crate) compact: bool,
    /// What a translated reply is to be called, where callers go on from it by its id.
    pub(crate) reply_id: Option<String>,
}

impl Asked {
    /// A request whose body says everything.
    pub(crate) const fn in_body(dialect: Dialect) -> Self {
        Self {
            dialect,
            answer: dialect,
            model: None,
            stream: None,
            array: false,
            compact: false,
            reply_id: None,
        }
    }

    /// The same for the translation.
    pub(crate) fn ask<'a>(&'a self, body: &'a [u8]) -> Ask<'a> {
        Ask {
            dialect: self.dialect,
            answer: self.answer,
            body,
            model: self.model.as_deref(),
            stream: self.stream,
            array: self.array,
            reply_id: self.reply_id.as_deref(),
        }
    }
}

const GET: &[Method] = &[Method::GET];
const HEAD: &[Method] = &[Method::HEAD];
const POST: &[Method] = &[Method::POST];
const LOOK: &[Method] = &[Method::GET, Method::HEAD];
const KEPT: &[Method] = &[Method::GET, Method::DELETE];

impl Surface {
    /// The surface of a request.
    pub(crate) fn at(parts: &Parts) -> Self {
        let path = parts.uri.path();
        if path == "/" && parts.method == Method::HEAD {
            return Self::Probe;
        }
        if path == "/" || in_folder(path, "/manage") || in_folder(path, "/ui") {
            return Self::Managed;
        }
        if path == "/healthz" {
            return Self::Health;
        }
        if let Some(surface) = beside::at(parts) {
            return surface;
        }
        if let Some(rest) = path.strip_prefix("/openai/") {
            return azure(rest, parts);
        }
        if let Some(call) = path.strip_prefix("/api/").and_then(Call::at) {
            return Self::Ollama(call);
        }
        match path.strip_prefix("/v1/") {
            Some(rest) => openai(rest, parts).or_else(|| gemini(rest, parts, None)),
            None => {
                let bare = path.strip_prefix("/v1beta/").or(path.strip_prefix('/'));
                bare.and_then(|rest| gemini(rest, parts, Some(Dialect::Gemini)))
            }
        }
        .unwrap_or(Self::Unknown)
    }

    /// The methods that are taken there; `None` where that is not ours to say.
    pub(crate) fn methods(&self) -> Option<&'static [Method]> {
        match self {
            Self::Generate(_) | Self::Count(_) | Self::Completions(_) => Some(POST),
            Self::Beside(beside) => beside.methods(),
            Self::Ollama(call) if call.has_body() => Some(POST),
            Self::Ollama(_) => Some(LOOK),
            Self::Recall(recall) => Some(match recall.what {
                What::Itself => KEPT,
                What::InputItems => GET,
                What::Cancel => POST,
            }),
            Self::Socket | Self::Models(_) | Self::Model(..) | Self::Health => Some(GET),
            Self::Probe => Some(HEAD),
            Self::Managed | Self::Unknown => None,
        }
    }

    /// The dialect in which its callers understand errors.
    pub(crate) fn dialect(&self, headers: &HeaderMap) -> Dialect {
        match self {
            Self::Generate(asked) | Self::Count(asked) | Self::Completions(asked) => asked.answer,
            Self::Socket | Self::Recall(_) => Dialect::Responses,
            Self::Ollama(_) => Dialect::Chat,
            Self::Beside(beside) => beside.dialect(headers),
            Self::Models(Some(dialect)) | Self::Model(Some(dialect), _) => *dialect,
            _ => crate::door::guess_dialect(headers),
        }
    }
}

/// Paths behind `/v1/`.
pub(super) fn openai(rest: &str, parts: &Parts) -> Option<Surface> {
    Some(match rest {
        "chat/completions" => Surface::Generate(Asked::in_body(Dialect::Chat)),
        "completions" => Surface::Completions(Asked::in_body(Dialect::Chat)),
        "responses" if socket::is_wanted(&parts.headers) => Surface::Socket,
        "responses" => Surface::Generate(Asked::in_body(Dialect::Responses)),
        "messages" => Surface::Generate(Asked::in_body(Dialect::Messages)),
        "messages/count_tokens" => Surface::Count(Asked::in_body(Dialect::Messages)),
        "responses/input_tokens" => Surface::Count(Asked::in_body(Dialect::Responses)),
        "responses/compact" => Surface::Generate(Asked {
            compact: true,
            ..Asked::in_body(Dialect::Responses)
        }),
        "models" => Surface::Models(None),
        _ => Surface::Recall(Recall::at(rest.strip_prefix("responses/")?)?),
    })
}

/// Paths behind `/openai/`: Azure's. The deployment names the model; the newer form under `v1` is
/// OpenAI's own.
fn azure(rest: &str, parts: &Parts) -> Surface {
    if let Some(rest) = rest.strip_prefix("v1/") {
        return openai(rest, parts)
            .or_else(|| model(rest.strip_prefix("models/")?, None))
            .unwrap_or(Surface::Unknown);
    }
    let Some(rest) = rest.strip_prefix("deployments/") else {
        let shared = rest == "models" || rest == "responses" || rest.starts_with("responses/");
        return openai(rest, parts)
            .filter(|_| shared)
            .unwrap_or(Surface::Unknown);
    };
    let (deployment, make): (_, fn(Asked) -> Surface) =
        if let Some(deployment) = rest.strip_suffix("/chat/completions") {
            (deployment, Surface::Generate)
        } else if let Some(deployment) = rest.strip_suffix("/completions") {
            (deployment, Surface::Completions)
        } else {
            return Surface::Unknown;
        };
    if deployment.is_empty() {
        return Surface::Unknown;
    }
    make(Asked {
        model: Some(decoded(deployment)),
        ..Asked::in_body(Dialect::Chat)
    })
}

/// Gemini's paths behind the version: `models`, `models/{id}`, `models/{id}:{method}`.
pub(super) fn gemini(rest: &str, parts: &Parts, lists: Option<Dialect>) -> Option<Surface> {
    if rest == "models" && lists.is_some() {
        return (parts.uri.path() != "/models").then_some(Surface::Models(lists));
    }
    let rest = rest.strip_prefix("models/")?;
    let method = rest.rsplit_once(':').filter(|(name, _)| !name.is_empty());
    let stream = match method {
        Some((_, "generateContent")) => false,
        Some((_, "streamGenerateContent")) => true,
        Some((name, "countTokens")) => {
            return Some(Surface::Count(Asked {
                model: Some(decoded(name)),
                stream: Some(false),
                ..Asked::in_body(Dialect::Gemini)
            }));
        }
        _ => return model(rest, lists),
    };
    let (name, _) = method?;
    Some(Surface::Generate(Asked {
        model: Some(decoded(name)),
        stream: Some(stream),
        array: stream && !asks_for_sse(parts.uri.query().unwrap_or_default()),
        ..Asked::in_body(Dialect::Gemini)
    }))
}

fn model(name: &str, lists: Option<Dialect>) -> Option<Surface> {
    (!name.is_empty()).then(|| Surface::Model(lists, decoded(name)))
}

fn asks_for_sse(query: &str) -> bool {
    query
        .split('&')
        .any(|member| matches!(member, "alt=sse" | "$alt=sse" | "%24alt=sse"))
}

fn in_folder(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path segment with its `%XX` resolved; programs escape the slash in `provider/model`.
pub(crate) fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let hex = behind
            .get(..2)
            .filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let decoded = hex
            .filter(|_| byte == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match decoded {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &behind[2..];
            }
            None => {
                bytes.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, target: &str) -> Parts {
        let request = http::Request::builder().method(method).uri(target);
        request.body(()).unwrap().into_parts().0
    }

    fn generate(dialect: Dialect, model: &str, stream: Option<bool>, array: bool) -> Surface {
        Surface::Generate(Asked {
            model: (!model.is_empty()).then(|| model.to_owned()),
            stream,
            array,
            ..Asked::in_body(dialect)
        })
    }

    #[test]
    fn paths_say_what_is_asked() {
        use Dialect::{Chat, Gemini, Messages, Responses};
        for (target, expected) in [
            ("/v1/chat/completions", generate(Chat, "", None, false)),
            (
                "/v1/messages?beta=true",
                generate(Messages, "", None, false),
            ),
            ("/v1/responses", generate(Responses, "", None, false)),
            (
                "/v1/messages/count_tokens?beta=true",
                Surface::Count(Asked::in_body(Messages)),
            ),
            (
                "/v1/responses/input_tokens",
                Surface::Count(Asked::in_body(Responses)),
            ),
            (
                "/v1beta/models/p/m:countTokens",
                Surface::Count(Asked {
                    model: Some("p/m".into()),
                    stream: Some(false),
                    ..Asked::in_body(Gemini)
                }),
            ),
            ("/openai/v1/responses", generate(Responses, "", None, false)),
            (
                "/openai/responses?api-version=2025-04-01-preview",
                generate(Responses, "", None, false),
            ),
            (
                "/openai/deployments/a%2Fb/chat/completions?api-version=1",
                generate(Chat, "a/b", None, false),
            ),
            (
                "/openai/deployments/a/b/chat/completions",
                generate(Chat, "a/b", None, false),
            ),
            (
                "/v1beta/models/m:generateContent",
                generate(Gemini, "m", Some(false), false),
            ),
            (
                "/v1/models/p/a:b:generateContent",
                generate(Gemini, "p/a:b", Some(false), false),
            ),
            (
                "/models/p%2Fm:streamGenerateContent?alt=sse&x=1",
                generate(Gemini, "p/m", Some(true), false),
            ),
            (
                "/v1beta/models/m:streamGenerateContent",
                generate(Gemini, "m", Some(true), true),
            ),
            ("/v1/models", Surface::Models(None)),
            ("/openai/v1/models", Surface::Models(None)),
            ("/v1beta/models", Surface::Models(Some(Gemini))),
            ("/v1/models/a:free", Surface::Model(None, "a:free".into())),
            (
                "/v1beta/models/p/m",
                Surface::Model(Some(Gemini), "p/m".into()),
            ),
            ("/api/tags", Surface::Ollama(Call::Tags)),
            (
                "/openai/deployments/d/completions",
                Surface::Completions(Asked {
                    model: Some("d".into()),
                    ..Asked::in_body(Chat)
                }),
            ),
            (
                "/v1/responses/resp_1/input_items",
                Surface::Recall(Recall {
                    id: "resp_1".into(),
                    what: What::InputItems,
                }),
            ),
            ("/v1/responses/a/b", Surface::Unknown),
            ("/models", Surface::Unknown),
            ("/v1/models/", Surface::Unknown),
            ("/v1/chat/completions/", Surface::Unknown),
            ("/openai/deployments//chat/completions", Surface::Unknown),
            ("/managed", Surface::Unknown),
            ("/ui/x", Surface::Managed),
        ] {
            assert_eq!(Surface::at(&parts("POST", target)), expected, "{target}");
        }
        assert_eq!(Surface::at(&parts("HEAD", "/")), Surface::Probe);
        assert_eq!(Surface::at(&parts("GET", "/")), Surface::Managed);
    }

    #[test]
    fn decodes_path_segments() {
        for (segment, expected) in [
            ("gpt-5", "gpt-5"),
            ("openai%2Fgpt-5", "openai/gpt-5"),
            ("100%", "100%"),
            ("%zz%2", "%zz%2"),
            ("%+1", "%+1"),
            ("%C3%A9", "é"),
        ] {
            assert_eq!(decoded(segment), expected);
        }
    }
}
