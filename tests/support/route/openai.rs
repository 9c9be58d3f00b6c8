//! OpenAI's paths: chat, Responses in both forms and over websockets, and what is served besides.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{PLAN, Provider, get, path_of, post};
use crate::{
    Kind, Reply, Seen, chat, check,
    fault::{Dress, Fault},
    media,
    responses::{self, Form},
    wire::Wire,
};

impl Provider {
    /// What a websocket that may not be opened is answered.
    pub(crate) fn refusal(&self, seen: &Seen) -> Option<Reply> {
        let fault = self.allowed(seen).err()?;
        Some(fault.reply(self.dress(path_of(seen)), "req_websocket"))
    }

    /// The reply to a message of a websocket; `None` where messages are echoed.
    pub(crate) fn said(&self, seen: &Seen) -> Option<Reply> {
        let path = path_of(seen);
        let form = match path.starts_with(PLAN) {
            true => Form::Plan,
            false => Form::Full,
        };
        if self.kind != Kind::Responses || !path.ends_with("/responses") {
            return None;
        }
        let id = format!("sim{:06}", self.replies.fetch_add(1, Ordering::Relaxed));
        let mut body = seen.json();
        let create = body["type"] == "response.create";
        if let Some(members) = body.as_object_mut() {
            members.remove("type");
            members.insert("stream".to_owned(), json!(true));
        }
        let answered = match create {
            true => self.response(&body, form, &id),
            false => Err(Fault::bad("Unknown event type.")),
        };
        Some(answered.unwrap_or_else(|fault| fault.reply(Dress::OpenAi, &id)))
    }

    pub(super) fn chat(&self, seen: &Seen, path: &str, id: &str) -> Option<Result<Reply, Fault>> {
        match path {
            "/v1/chat/completions" => Some(post(seen, |body| {
                check::chat(body, self.strict)?;
                let ask = chat::read(body);
                self.answer(ask, body["prompt_cache_key"].as_str(), Wire::Chat, id)
            })),
            _ => self.openai(seen, path),
        }
    }

    pub(super) fn responses(
        &self,
        seen: &Seen,
        path: &str,
        id: &str,
    ) -> Option<Result<Reply, Fault>> {
        let (form, at) = match path.strip_prefix(PLAN) {
            Some(rest) => (Form::Plan, rest),
            None => (Form::Full, path.strip_prefix("/v1").unwrap_or(path)),
        };
        match at {
            "/responses" => Some(post(seen, |body| self.response(body, form, id))),
            "/responses/compact" => Some(post(seen, |body| {
                check::compact(body, &self.known.lock())?;
                Ok(Reply::json(200, &responses::compacted(body, id)))
            })),
            "/responses/input_tokens" => Some(post(seen, |body| {
                let count = responses::prompt_tokens(body);
                let counted = json!({"object": "response.input_tokens", "input_tokens": count});
                Ok(Reply::json(200, &counted))
            })),
            "/models" if form == Form::Plan => Some(get(seen, || {
                let model = |id: &String| {
                    json!({"slug": id, "display_name": id, "visibility": "list",
                    "supported_in_api": true, "context_window": 272_000,
                    "default_reasoning_level": "medium", "supported_reasoning_levels": [
                        {"effort": "low"}, {"effort": "medium"}, {"effort": "high"}]})
                };
                Ok(Reply::json(
                    200,
                    &json!({"models": self.models.iter().map(model).collect::<Vec<_>>()}),
                ))
            })),
            _ if form == Form::Full => self.openai(seen, path),
            _ => None,
        }
    }

    /// The answer to one request for a response, over HTTP or a websocket.
    fn response(&self, body: &Value, form: Form, id: &str) -> Result<Reply, Fault> {
        check::responses(body, form, &self.known.lock(), self.strict)?;
        if form == Form::Full && body["store"] != false {
            let mut known = self.known.lock();
            known.responses.insert(format!("resp_{id}"));
            known
                .items
                .extend([format!("rs_{id}"), format!("msg_{id}")]);
        }
        let ask = responses::read(body);
        let wire = Wire::Responses {
            body: body.clone(),
            form,
        };
        self.answer(ask, body["prompt_cache_key"].as_str(), wire, id)
    }

    /// What OpenAI serves whatever the dialect.
    fn openai(&self, seen: &Seen, path: &str) -> Option<Result<Reply, Fault>> {
        let at = path.strip_prefix("/v1")?;
        match at {
            "/models" => Some(get(seen, || {
                Ok(Reply::json(200, &chat::models(&self.models)))
            })),
            "/embeddings" => Some(post(seen, media::embeddings)),
            "/audio/speech" => Some(post(seen, media::speech)),
            "/audio/transcriptions" | "/audio/translations" => Some(media::transcription(seen)),
            "/images/generations" => Some(post(seen, media::images)),
            _ => Some(self.model(at.strip_prefix("/models/")?, chat::model)),
        }
    }
}
