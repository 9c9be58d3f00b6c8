//! From a request to a reply: path and method, the provider's checks, and what it remembers.

mod key;
mod obey;
mod openai;

use std::{
    collections::{HashSet, VecDeque},
    sync::atomic::{AtomicU64, Ordering},
};

use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    Counts, Kind, Reply, Script, Seen,
    ask::{Ask, Cache},
    check,
    fault::{Dress, Fault},
    gemini, kiro, media, messages,
    script::Keys,
    wire::Wire,
};

/// Anthropic's limit for a request, in bytes.
const MESSAGES_LIMIT: usize = 32 * 1024 * 1024;

/// Where a ChatGPT plan's back end begins.
pub(crate) const PLAN: &str = "/backend-api/codex";

/// What a simulated provider knows and remembers.
#[derive(Debug)]
pub(crate) struct Provider {
    kind: Kind,
    keys: Keys,
    models: Vec<String>,
    strict: bool,
    queue: Mutex<VecDeque<Reply>>,
    cached: Mutex<HashSet<String>>,
    known: Mutex<check::Known>,
    counts: Mutex<Vec<Counts>>,
    replies: AtomicU64,
}

impl Provider {
    pub(crate) fn new(kind: Kind, script: Script) -> Self {
        Self {
            kind,
            keys: script.keys,
            models: script.models,
            strict: script.strict,
            queue: Mutex::new(script.queue),
            cached: Mutex::default(),
            known: Mutex::default(),
            counts: Mutex::default(),
            replies: AtomicU64::new(1),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn queue(&self, reply: Reply) {
        self.queue.lock().push_back(reply);
    }

    pub(crate) fn counts(&self) -> Vec<Counts> {
        self.counts.lock().clone()
    }

    /// The reply to a request.
    pub(crate) fn reply(&self, seen: &Seen) -> Reply {
        let id = format!("sim{:06}", self.replies.fetch_add(1, Ordering::Relaxed));
        let path = path_of(seen);
        if is_model_call(seen, path)
            && let Some(reply) = self.queue.lock().pop_front()
        {
            return reply;
        }
        let request_id = format!("req_{id}");
        let answered = self
            .allowed(seen)
            .and_then(|()| self.dispatch(seen, path, &id));
        let reply = answered.unwrap_or_else(|fault| fault.reply(self.dress(path), &request_id));
        self.with_headers(reply, &request_id)
    }

    /// The form of errors at this path.
    fn dress(&self, path: &str) -> Dress {
        match self.kind {
            Kind::Responses if path.starts_with(PLAN) => Dress::Plan,
            Kind::Chat | Kind::Responses => Dress::OpenAi,
            Kind::Messages => Dress::Anthropic,
            Kind::Gemini => Dress::Google,
            Kind::Kiro => Dress::Amazon,
        }
    }

    fn dispatch(&self, seen: &Seen, path: &str, id: &str) -> Result<Reply, Fault> {
        let found = match self.kind {
            Kind::Chat => self.chat(seen, path, id),
            Kind::Responses => self.responses(seen, path, id),
            Kind::Messages => self.messages(seen, path, id),
            Kind::Gemini => self.gemini(seen, path, id),
            Kind::Kiro => self.kiro(seen, path, id),
        };
        found.unwrap_or_else(|| {
            let fault = Fault::new(404, format!("Unknown request URL: {path}"));
            Err(match self.kind {
                Kind::Gemini => fault,
                _ => fault.code("unknown_url"),
            })
        })
    }

    fn messages(&self, seen: &Seen, path: &str, id: &str) -> Option<Result<Reply, Fault>> {
        match path {
            "/v1/messages" => Some(post(seen, |body| {
                if seen.body.len() > MESSAGES_LIMIT {
                    return Err(Fault::new(413, "Request exceeds the maximum size"));
                }
                check::messages(body, self.strict, false)?;
                let ask = messages::read(body);
                self.answer(
                    ask,
                    messages::cache_key(body).as_deref(),
                    Wire::Messages,
                    id,
                )
            })),
            "/v1/messages/count_tokens" => Some(post(seen, |body| {
                check::messages(body, self.strict, true)?;
                let count = messages::prompt_tokens(body);
                Ok(Reply::json(200, &json!({"input_tokens": count})))
            })),
            "/v1/models" => Some(get(seen, || {
                Ok(Reply::json(200, &messages::models(&self.models)))
            })),
            _ => Some(self.model(path.strip_prefix("/v1/models/")?, messages::model)),
        }
    }

    fn gemini(&self, seen: &Seen, path: &str, id: &str) -> Option<Result<Reply, Fault>> {
        if let Some(method) = path.strip_prefix("/v1internal:") {
            return Some(post(seen, |outer| {
                let project = outer["project"].is_string() || method == "countTokens";
                if !project || !outer["request"].is_object() {
                    return Err(Fault::bad("project and request are required"));
                }
                let inner = &outer["request"];
                let model = outer["model"].as_str().or(inner["model"].as_str());
                self.generate(seen, inner, model.unwrap_or_default(), method, true, id)
            }));
        }
        let at = path
            .strip_prefix("/v1beta/models")
            .or(path.strip_prefix("/v1/models"))?;
        if at.is_empty() {
            return Some(get(seen, || {
                Ok(Reply::json(200, &gemini::models(&self.models)))
            }));
        }
        let at = at.strip_prefix('/')?;
        match at.split_once(':') {
            None => Some(self.model(at, gemini::model)),
            Some((model, method)) => Some(post(seen, |body| {
                self.generate(seen, body, model, method, false, id)
            })),
        }
    }

    fn generate(
        &self,
        seen: &Seen,
        body: &Value,
        model: &str,
        method: &str,
        enveloped: bool,
        id: &str,
    ) -> Result<Reply, Fault> {
        let body = &gemini::plain(body);
        let wire = |sse| Wire::Gemini { sse, enveloped };
        match method {
            "generateContent" | "streamGenerateContent" => {
                check::gemini(body)?;
                let stream = method == "streamGenerateContent";
                let sse = seen.path.contains("alt=sse");
                self.answer(gemini::read(body, model, stream), None, wire(sse), id)
            }
            "countTokens" => {
                let counted = body.get("generateContentRequest").unwrap_or(body);
                check::gemini_contents(counted)?;
                Ok(Reply::json(
                    200,
                    &json!({"totalTokens": gemini::prompt_tokens(counted)}),
                ))
            }
            "embedContent" => Ok(Reply::json(200, &json!({"embedding": embedding(body)?}))),
            "batchEmbedContents" => {
                let all = body["requests"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(embedding);
                let all: Vec<_> = all.collect::<Result<_, _>>()?;
                Ok(Reply::json(200, &json!({"embeddings": all})))
            }
            "predict" => media::predictions(body),
            _ => Err(Fault::new(404, format!("Method not found: {method}"))),
        }
    }

    fn kiro(&self, seen: &Seen, path: &str, id: &str) -> Option<Result<Reply, Fault>> {
        match (path, seen.header("x-amz-target").rsplit('.').next()) {
            ("/generateAssistantResponse", _) | ("/", Some("GenerateAssistantResponse")) => {
                Some(post(seen, |body| {
                    check::kiro(body)?;
                    self.answer(kiro::read(body), None, Wire::Kiro, id)
                }))
            }
            ("/ListAvailableModels", _) | ("/", Some("ListAvailableModels")) => {
                Some(Ok(Reply::json(200, &kiro::models(&self.models))))
            }
            ("/getUsageLimits", _) | ("/", Some("GetUsageLimits")) => {
                Some(Ok(Reply::json(200, &kiro::limits())))
            }
            _ => None,
        }
    }

    fn model(&self, id: &str, show: impl Fn(&str) -> Value) -> Result<Reply, Fault> {
        match self.models.iter().any(|model| model == id) {
            true => Ok(Reply::json(200, &show(id))),
            false => Err(Fault::new(404, format!("The model `{id}` does not exist"))),
        }
    }

    /// Asks the scripted model, the cache's part in it counted.
    fn answer(
        &self,
        mut ask: Ask,
        cache: Option<&str>,
        wire: Wire,
        id: &str,
    ) -> Result<Reply, Fault> {
        ask.cache = self.cache(cache, &ask);
        obey::obey(&ask, &wire, id, |counts| self.counts.lock().push(counts))
    }

    /// The first request with a key writes half its prompt into the cache, later ones read it.
    fn cache(&self, key: Option<&str>, ask: &Ask) -> Cache {
        let Some(key) = key else {
            return Cache::default();
        };
        let half = ask.prompt_tokens / 2;
        match self.cached.lock().insert(key.to_owned()) {
            true => Cache {
                read: 0,
                written: half,
            },
            false => Cache {
                read: half,
                written: 0,
            },
        }
    }

    fn with_headers(&self, reply: Reply, request_id: &str) -> Reply {
        let headers: &[(&str, &str)] = match self.kind {
            Kind::Chat | Kind::Responses => &[
                ("x-request-id", request_id),
                ("x-ratelimit-limit-requests", "10000"),
                ("x-ratelimit-remaining-requests", "9999"),
                ("x-ratelimit-reset-requests", "6ms"),
                ("openai-processing-ms", "1"),
            ],
            Kind::Messages => &[
                ("request-id", request_id),
                ("anthropic-ratelimit-requests-limit", "4000"),
                ("anthropic-ratelimit-requests-remaining", "3999"),
                ("anthropic-ratelimit-requests-reset", "2025-11-21T00:00:00Z"),
                (
                    "anthropic-organization-id",
                    "00000000-0000-4000-8000-000000000000",
                ),
            ],
            Kind::Gemini => &[("server-timing", "gfet4t7; dur=1")],
            Kind::Kiro => &[("x-amzn-requestid", request_id)],
        };
        headers
            .iter()
            .fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

fn path_of(seen: &Seen) -> &str {
    seen.path.split('?').next().unwrap_or_default()
}

/// Whether a request wants something made, and may so be given a queued reply.
fn is_model_call(seen: &Seen, path: &str) -> bool {
    let counts = ["count_tokens", "countTokens", "input_tokens"];
    seen.method == Method::POST && !counts.iter().any(|end| path.ends_with(end))
}

fn embedding(body: &Value) -> Result<Value, Fault> {
    let body = gemini::plain(body);
    if body["content"]["parts"][0]["text"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        return Err(Fault::bad(
            "* EmbedContentRequest.content: contents is not specified",
        ));
    }
    let length = body["outputDimensionality"].as_u64().unwrap_or(8);
    Ok(json!({"values": media::vector(&body["content"]["parts"], length)}))
}

fn post(seen: &Seen, answer: impl FnOnce(&Value) -> Result<Reply, Fault>) -> Result<Reply, Fault> {
    if seen.method != Method::POST {
        return Err(not_allowed(seen));
    }
    let body = serde_json::from_slice(&seen.body)
        .map_err(|error| Fault::bad(format!("The request body is not valid JSON: {error}")))?;
    answer(&body)
}

fn get(seen: &Seen, answer: impl FnOnce() -> Result<Reply, Fault>) -> Result<Reply, Fault> {
    match seen.method == Method::GET {
        true => answer(),
        false => Err(not_allowed(seen)),
    }
}

fn not_allowed(seen: &Seen) -> Fault {
    Fault::new(
        405,
        format!("Not allowed to {} on {}", seen.method, path_of(seen)),
    )
}
