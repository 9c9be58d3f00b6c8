//! What stands beside conversations: media, calls that pass as they are, and Amp's paths.
//!
//! Amp drops the path of the address it is given, so its paths must stand at the root; what of them
//! are requests to models goes the way of all such requests.

use std::sync::Arc;

use axum::body::Body;
use byokey_wire::{Asks, Dialect, Task};
use http::request::Parts;
use http::{HeaderMap, Method, Response};

use super::path::{Asked, Surface, decoded, gemini, openai};
use crate::amp;
use crate::engine::{Shared, View};
use crate::media::{Media, Wanted};
use crate::native::{Native, Place};
use crate::ollama;
use crate::roster::Caller;
use crate::upload::Upload;

/// A surface beside conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Embeddings, speech, transcription, images.
    Media(Wanted),
    /// A call that passes as it is.
    Native(Place),
    /// A page of Amp's server that a person opens in a browser.
    AmpLogin(String),
    /// A call of Amp's command line for its own server.
    AmpServer(Place),
}

const POST: &[Method] = &[Method::POST];

/// The surface of a path, if it is one of these.
pub(super) fn at(parts: &Parts) -> Option<Surface> {
    let path = parts.uri.path();
    if let Some(rest) = path.strip_prefix("/native/") {
        return Place::read(rest).map(|place| Surface::Beside(Beside::Native(place)));
    }
    let found = media(path).map(Beside::Media);
    found
        .map(Surface::Beside)
        .or_else(|| amp_paths(path, parts))
}

fn media(path: &str) -> Option<Wanted> {
    if let Some(rest) = path.strip_prefix("/openai/deployments/") {
        let tasks = [
            "/embeddings",
            "/audio/speech",
            "/audio/transcriptions",
            "/audio/translations",
            "/images/generations",
        ];
        let (deployment, task) = tasks.iter().find_map(|task| {
            let deployment = rest.strip_suffix(task)?;
            Some((deployment, of_openai(&task[1..])?))
        })?;
        return (!deployment.is_empty()).then(|| Wanted {
            model: Some(decoded(deployment)),
            ..Wanted::in_body(task)
        });
    }
    let rest = path.strip_prefix("/openai").unwrap_or(path);
    if let Some(task) = rest.strip_prefix("/v1/").and_then(of_openai) {
        return Some(Wanted::in_body(task));
    }
    let versions = ["/v1beta/models/", "/v1/models/", "/models/"];
    let rest = versions.iter().find_map(|it| path.strip_prefix(it))?;
    let (model, method) = rest
        .rsplit_once(':')
        .filter(|(model, _)| !model.is_empty())?;
    let asks = match method {
        "embedContent" => Asks::GeminiOne,
        "batchEmbedContents" => Asks::GeminiMany,
        _ => return None,
    };
    Some(Wanted {
        task: Task::Embeddings,
        asks,
        model: Some(decoded(model)),
    })
}

fn of_openai(rest: &str) -> Option<Task> {
    Some(match rest {
        "embeddings" => Task::Embeddings,
        "audio/speech" => Task::Speech,
        "audio/transcriptions" => Task::Transcriptions,
        "audio/translations" => Task::Translations,
        "images/generations" => Task::Images,
        _ => return None,
    })
}

fn amp_paths(path: &str, parts: &Parts) -> Option<Surface> {
    let beside = |beside| Some(Surface::Beside(beside));
    let server = |path: &str| {
        Beside::AmpServer(Place {
            provider: amp::PROVIDER.to_owned(),
            account: None,
            path: path.to_owned(),
        })
    };
    let opened = parts.method == Method::GET || parts.method == Method::HEAD;
    match path {
        "/amp/v1/chat/completions" => {
            return Some(Surface::Generate(Asked::in_body(Dialect::Chat)));
        }
        "/amp/v1/login" => return beside(Beside::AmpLogin("/login".to_owned())),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/amp/v0/management/") {
        return beside(server(&format!("/v0/management/{rest}")));
    }
    if let Some(rest) = path.strip_prefix("/api/provider/") {
        return provider(rest, parts);
    }
    if let Some(rest) = path.strip_prefix("/api/") {
        // Ollama's own paths go before.
        return match ollama::Call::at(rest) {
            Some(_) => None,
            None => beside(server(path)),
        };
    }
    let page = path.starts_with("/auth/");
    if page && opened {
        return beside(Beside::AmpLogin(path.to_owned()));
    }
    let threads = path == "/threads" || path.starts_with("/threads/");
    (page || threads).then(|| Surface::Beside(server(path)))
}

/// What Amp asks of a model, behind `/api/provider/`: the provider's name, then its own path.
fn provider(rest: &str, parts: &Parts) -> Option<Surface> {
    let (name, path) = rest.split_once('/')?;
    if name == "google" {
        let models = path.find("models/")?;
        return gemini(&path[models..], parts, None);
    }
    let path = path.strip_prefix("v1/").unwrap_or(path);
    openai(path, parts).filter(|surface| matches!(surface, Surface::Generate(_)))
}

impl Beside {
    /// The methods that are taken there; `None` where that is the provider's to say.
    pub(super) fn methods(&self) -> Option<&'static [Method]> {
        match self {
            Self::Media(_) => Some(POST),
            Self::Native(_) | Self::AmpLogin(_) | Self::AmpServer(_) => None,
        }
    }

    /// The dialect in which its callers understand errors.
    pub(super) fn dialect(&self, headers: &HeaderMap) -> Dialect {
        match self {
            Self::Media(wanted) => wanted.dialect(),
            _ => crate::door::guess_dialect(headers),
        }
    }

    /// The reply to somebody who opens a page of Amp's in a browser, where there is no client key.
    pub(super) fn before_key(&self, view: &View, parts: &Parts) -> Option<Response<Body>> {
        match self {
            Self::AmpLogin(path) => Some(amp::login(view, path, parts.uri.query())),
            _ => None,
        }
    }

    /// Answers a request.
    pub(super) async fn serve(
        self,
        (shared, view): (Arc<Shared>, Arc<View>),
        caller: Option<Arc<Caller>>,
        parts: Parts,
        id: String,
        body: Upload,
    ) -> Response<Body> {
        let dialect = self.dialect(&parts.headers);
        let place = match self {
            Self::Media(wanted) => {
                let media = Media {
                    shared,
                    view,
                    caller,
                    wanted,
                    parts,
                    id,
                };
                return media.serve(body).await;
            }
            Self::AmpServer(_) | Self::AmpLogin(_) if !amp::has_account(&view) => {
                return amp::no_account(&id);
            }
            Self::AmpLogin(path) => Place {
                provider: amp::PROVIDER.to_owned(),
                account: None,
                path,
            },
            Self::Native(place) | Self::AmpServer(place) => place,
        };
        let native = Native {
            shared,
            view,
            caller,
            place,
            dialect,
            parts,
            id,
        };
        native.serve(body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(method: &str, target: &str) -> Surface {
        let request = http::Request::builder().method(method).uri(target);
        Surface::at(&request.body(()).unwrap().into_parts().0)
    }

    fn beside(target: &str) -> Option<Beside> {
        match surface("POST", target) {
            Surface::Beside(beside) => Some(beside),
            _ => None,
        }
    }

    #[test]
    fn media_paths_are_those_of_openai_azure_and_gemini() {
        for (target, task) in [
            ("/v1/embeddings", Task::Embeddings),
            ("/v1/audio/speech", Task::Speech),
            ("/v1/audio/transcriptions", Task::Transcriptions),
            ("/v1/audio/translations", Task::Translations),
            ("/v1/images/generations", Task::Images),
            ("/openai/v1/images/generations", Task::Images),
        ] {
            assert_eq!(beside(target), Some(Beside::Media(Wanted::in_body(task))));
        }
        let named = |task, asks, model: &str| {
            Some(Beside::Media(Wanted {
                task,
                asks,
                model: Some(model.to_owned()),
            }))
        };
        assert_eq!(
            beside("/openai/deployments/a%2Fb/audio/speech?api-version=1"),
            named(Task::Speech, Asks::OpenAi, "a/b")
        );
        for version in ["/v1beta", "/v1", ""] {
            assert_eq!(
                beside(&format!("{version}/models/p/m:embedContent")),
                named(Task::Embeddings, Asks::GeminiOne, "p/m")
            );
            assert_eq!(
                beside(&format!("{version}/models/p%2Fm:batchEmbedContents")),
                named(Task::Embeddings, Asks::GeminiMany, "p/m")
            );
        }
        for target in ["/v1/audio", "/embeddings", "/v1/models/:embedContent"] {
            assert_eq!(beside(target), None, "{target}");
        }
    }

    #[test]
    fn native_paths_name_provider_and_account() {
        let native = |provider: &str, account: Option<&str>, path: &str| {
            Some(Beside::Native(Place {
                provider: provider.to_owned(),
                account: account.map(ToOwned::to_owned),
                path: path.to_owned(),
            }))
        };
        assert_eq!(
            beside("/native/elevenlabs/v1/a%2Fb?x=1"),
            native("elevenlabs", None, "/v1/a%2Fb")
        );
        assert_eq!(
            beside("/native/twilio@my%20work/2010-04-01/x.json"),
            native("twilio", Some("my work"), "/2010-04-01/x.json")
        );
        assert_eq!(beside("/native/deepgram"), native("deepgram", None, "/"));
        assert_eq!(beside("/native/"), None);
    }

    #[test]
    fn amp_asks_models_and_its_server() {
        for (target, dialect) in [
            ("/amp/v1/chat/completions", Dialect::Chat),
            ("/api/provider/anthropic/v1/messages", Dialect::Messages),
            ("/api/provider/openai/v1/chat/completions", Dialect::Chat),
            ("/api/provider/openai/v1/responses", Dialect::Responses),
        ] {
            assert_eq!(
                surface("POST", target),
                Surface::Generate(Asked::in_body(dialect)),
                "{target}"
            );
        }
        let google = surface(
            "POST",
            "/api/provider/google/v1beta1/publishers/google/models/m:generateContent",
        );
        assert!(matches!(google, Surface::Generate(asked) if asked.model.as_deref() == Some("m")));
        for (target, path) in [
            ("/api/internal?getUserInfo", "/api/internal"),
            ("/api/threads/T-1", "/api/threads/T-1"),
            ("/threads", "/threads"),
            ("/amp/v0/management/x/y", "/v0/management/x/y"),
        ] {
            let found = beside(target);
            assert!(
                matches!(&found, Some(Beside::AmpServer(place)) if place.path == path),
                "{found:?}"
            );
        }
        let login = Surface::Beside(Beside::AmpLogin("/auth/cli-login".into()));
        assert_eq!(surface("GET", "/auth/cli-login?a=b"), login);
        for ollama in ["chat", "generate", "ps", "show", "tags", "version"] {
            assert_eq!(beside(&format!("/api/{ollama}")), None);
        }
        assert_eq!(beside("/api/provider/other"), None);
    }
}
