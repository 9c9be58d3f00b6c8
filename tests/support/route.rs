//! From a request to a reply: key, path, checks, the scripted model, and the faults asked for.

use std::{
    collections::{HashSet, VecDeque},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    Control, Kind, Part, Reply, Script, Seen,
    answer::answer,
    ask::{Ask, Cache},
    chat, check,
    fault::Fault,
    messages,
};

/// Anthropic's limit for a request, in bytes.
const MESSAGES_LIMIT: usize = 32 * 1024 * 1024;

/// What a simulated provider knows and remembers.
#[derive(Debug)]
pub(crate) struct Provider {
    kind: Kind,
    key: String,
    models: Vec<String>,
    strict: bool,
    queue: Mutex<VecDeque<Reply>>,
    cached: Mutex<HashSet<String>>,
    replies: AtomicU64,
}

impl Provider {
    pub(crate) fn new(kind: Kind, script: Script) -> Self {
        Self {
            kind,
            key: script.key,
            models: script.models,
            strict: script.strict,
            queue: Mutex::new(script.queue),
            cached: Mutex::default(),
            replies: AtomicU64::new(1),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn queue(&self, reply: Reply) {
        self.queue.lock().push_back(reply);
    }

    /// The reply to a request.
    pub(crate) fn reply(&self, seen: &Seen) -> Reply {
        let id = format!("sim{:06}", self.replies.fetch_add(1, Ordering::Relaxed));
        let path = seen.path.split('?').next().unwrap_or_default();
        if self.is_model_call(path)
            && let Some(reply) = self.queue.lock().pop_front()
        {
            return reply;
        }
        let request_id = format!("req_{id}");
        let reply = match self
            .allowed(seen)
            .and_then(|()| self.dispatch(seen, path, &id))
        {
            Ok(reply) => reply,
            Err(fault) => fault.reply(self.kind, &request_id),
        };
        self.with_headers(reply, &request_id)
    }

    fn is_model_call(&self, path: &str) -> bool {
        match self.kind {
            Kind::Chat => path == "/v1/chat/completions",
            Kind::Messages => path == "/v1/messages",
        }
    }

    fn allowed(&self, seen: &Seen) -> Result<(), Fault> {
        let header = |name| seen.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let (key, missing, wrong) = match self.kind {
            Kind::Chat => (
                bearer,
                "You didn't provide an API key.",
                "Incorrect API key provided. Find yours with this simulator's settings.",
            ),
            Kind::Messages => (
                header("x-api-key").or(bearer),
                "x-api-key header is required",
                "invalid x-api-key",
            ),
        };
        match key {
            None => Err(Fault::new(401, missing)),
            Some(key) if key != self.key => Err(Fault::new(401, wrong)),
            Some(_) if self.kind == Kind::Messages && header("anthropic-version").is_none() => {
                Err(Fault::bad("anthropic-version: header is required"))
            }
            Some(_) => Ok(()),
        }
    }

    fn dispatch(&self, seen: &Seen, path: &str, id: &str) -> Result<Reply, Fault> {
        let post = seen.method == Method::POST;
        match (self.kind, path) {
            (_, "/v1/models") if seen.method == Method::GET => Ok(self.models()),
            (Kind::Chat, "/v1/chat/completions") if post => self.chat(seen, id),
            (Kind::Messages, "/v1/messages") if post => self.messages(seen, id),
            (Kind::Messages, "/v1/messages/count_tokens") if post => {
                let body = parse(&seen.body)?;
                check::messages(&body, self.strict, true)?;
                Ok(Reply::json(
                    200,
                    &json!({"input_tokens": messages::prompt_tokens(&body)}),
                ))
            }
            (_, "/v1/models" | "/v1/chat/completions" | "/v1/messages") => Err(Fault::new(
                405,
                format!("Not allowed to {} on {path}", seen.method),
            )),
            _ => match path.strip_prefix("/v1/models/") {
                Some(model) => self.model(model),
                None => {
                    Err(Fault::new(404, format!("Unknown request URL: {path}")).code("unknown_url"))
                }
            },
        }
    }

    fn models(&self) -> Reply {
        let list = match self.kind {
            Kind::Chat => chat::models(&self.models),
            Kind::Messages => messages::models(&self.models),
        };
        Reply::json(200, &list)
    }

    fn model(&self, id: &str) -> Result<Reply, Fault> {
        if !self.models.iter().any(|model| model == id) {
            return Err(Fault::new(404, format!("The model `{id}` does not exist")));
        }
        let model = match self.kind {
            Kind::Chat => chat::model(id),
            Kind::Messages => messages::model(id),
        };
        Ok(Reply::json(200, &model))
    }

    fn chat(&self, seen: &Seen, id: &str) -> Result<Reply, Fault> {
        let body = parse(&seen.body)?;
        check::chat(&body, self.strict)?;
        let mut ask = chat::read(&body);
        ask.cache = self.cache(body["prompt_cache_key"].as_str().map(str::to_owned), &ask);
        self.obey(&ask, id)
    }

    fn messages(&self, seen: &Seen, id: &str) -> Result<Reply, Fault> {
        if seen.body.len() > MESSAGES_LIMIT {
            return Err(Fault::new(413, "Request exceeds the maximum size"));
        }
        let body = parse(&seen.body)?;
        check::messages(&body, self.strict, false)?;
        let mut ask = messages::read(&body);
        ask.cache = self.cache(messages::cache_key(&body), &ask);
        self.obey(&ask, id)
    }

    /// The first request with a key writes half its prompt into the cache, later ones read it.
    fn cache(&self, key: Option<String>, ask: &Ask) -> Cache {
        let Some(key) = key else {
            return Cache::default();
        };
        let half = ask.prompt_tokens / 2;
        if self.cached.lock().insert(key) {
            Cache {
                read: 0,
                written: half,
            }
        } else {
            Cache {
                read: half,
                written: 0,
            }
        }
    }

    fn obey(&self, ask: &Ask, id: &str) -> Result<Reply, Fault> {
        let control = &ask.control;
        if control.silent {
            return Ok(Reply::silence());
        }
        if control.html {
            return Ok(web_page(control.status.unwrap_or(200)));
        }
        if let Some(status) = control.status {
            let reply = Fault::simulated(status).reply(self.kind, &format!("req_{id}"));
            return Ok(match control.retry_after {
                Some(seconds) => reply.header("retry-after", &seconds.to_string()),
                None => reply,
            });
        }
        let answer = answer(ask);
        if ask.stream && !control.half {
            let frames = match self.kind {
                Kind::Chat => chat::frames(ask, &answer, id),
                Kind::Messages => messages::frames(ask, &answer, id),
            };
            return Ok(self.stream(frames, control, id));
        }
        if control.error_in_stream {
            return Err(overloaded(self.kind));
        }
        let whole = match self.kind {
            Kind::Chat => chat::whole(ask, &answer, id),
            Kind::Messages => messages::whole(ask, &answer, id),
        };
        Ok(spoil(&whole, control))
    }

    /// Puts pauses and faults between the frames of a stream.
    fn stream(&self, mut frames: Vec<Bytes>, control: &Control, id: &str) -> Reply {
        if control.error_in_stream {
            let body = overloaded(self.kind).body(self.kind, &format!("req_{id}"));
            match self.kind {
                Kind::Chat => {
                    frames.truncate(chat::OPENING);
                    frames.push(chat::data_frame(&body));
                }
                Kind::Messages => {
                    frames.truncate(messages::OPENING);
                    frames.push(messages::event(&body));
                }
            }
        }
        let faults = [
            control.cut.map(|after| (after, Some(Part::Cut))),
            control.stall.map(|after| (after, Some(Part::Hang))),
            control.end.map(|after| (after, None)),
        ];
        let fault = faults.into_iter().flatten().min_by_key(|(after, _)| *after);
        if let Some((after, _)) = &fault {
            frames.truncate(*after);
        }
        let mut reply = Reply::events(Vec::<Bytes>::new());
        for frame in frames {
            if let Some(delay) = control.delay {
                reply = reply.part(Part::Pause(delay));
            }
            reply = reply.part(Part::Bytes(frame));
        }
        match fault {
            Some((_, Some(part))) => reply.part(part),
            _ => reply,
        }
    }

    fn with_headers(&self, reply: Reply, request_id: &str) -> Reply {
        let limits: [(&str, &str); 4] = match self.kind {
            Kind::Chat => [
                ("x-ratelimit-limit-requests", "10000"),
                ("x-ratelimit-remaining-requests", "9999"),
                ("x-ratelimit-reset-requests", "6ms"),
                ("openai-processing-ms", "1"),
            ],
            Kind::Messages => [
                ("anthropic-ratelimit-requests-limit", "4000"),
                ("anthropic-ratelimit-requests-remaining", "3999"),
                ("anthropic-ratelimit-requests-reset", "2025-11-21T00:00:00Z"),
                (
                    "anthropic-organization-id",
                    "00000000-0000-4000-8000-000000000000",
                ),
            ],
        };
        let id_header = match self.kind {
            Kind::Chat => "x-request-id",
            Kind::Messages => "request-id",
        };
        let reply = reply.header(id_header, request_id);
        limits
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

fn parse(body: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| Fault::bad(format!("The request body is not valid JSON: {error}")))
}

fn overloaded(kind: Kind) -> Fault {
    Fault::simulated(match kind {
        Kind::Chat => 503,
        Kind::Messages => 529,
    })
}

fn web_page(status: u16) -> Reply {
    let page = "<!doctype html><html><head><title>Bad gateway</title></head>\
                <body><h1>Bad gateway</h1></body></html>\n";
    Reply::new(status)
        .header("content-type", "text/html")
        .part(Part::Bytes(page.into()))
}

/// Applies the faults of a whole reply; frames do not exist here, so their number does not count.
fn spoil(whole: &Value, control: &Control) -> Reply {
    let reply = Reply::new(200).header("content-type", "application/json");
    let bytes = Bytes::from(whole.to_string());
    let half = bytes.slice(..bytes.len() / 2);
    if control.half || control.end.is_some() {
        return reply.part(Part::Bytes(half));
    }
    if control.cut.is_some() {
        return reply.part(Part::Bytes(half)).part(Part::Cut);
    }
    if control.stall.is_some() {
        return reply.part(Part::Bytes(half)).part(Part::Hang);
    }
    match control.delay {
        Some(delay) => reply
            .before_head(Part::Pause(delay))
            .part(Part::Bytes(bytes)),
        None => reply.part(Part::Bytes(bytes)),
    }
}
