//! How one request wants its answer written: the dialect, with what the request itself decides.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    Reply,
    answer::Answer,
    ask::Ask,
    chat,
    fault::{Dress, Fault},
    gemini, kiro, messages, responses,
};

/// A dialect and the form of one reply.
#[derive(Debug)]
pub(crate) enum Wire {
    Chat,
    Messages,
    Responses {
        /// The request, parts of which the response object repeats.
        body: Value,
        form: responses::Form,
    },
    Gemini {
        /// Server-sent events, else one array.
        sse: bool,
        /// Code Assist's envelope around every object.
        enveloped: bool,
    },
    Kiro,
}

impl Wire {
    /// The form of its errors.
    pub(crate) fn dress(&self) -> Dress {
        match self {
            Self::Chat => Dress::OpenAi,
            Self::Responses { form, .. } => match form {
                responses::Form::Full => Dress::OpenAi,
                responses::Form::Plan => Dress::Plan,
            },
            Self::Messages => Dress::Anthropic,
            Self::Gemini { .. } => Dress::Google,
            Self::Kiro => Dress::Amazon,
        }
    }

    /// A reply that has its head and nothing else yet.
    pub(crate) fn head(&self, stream: bool) -> Reply {
        let content_type = match self {
            Self::Kiro => "application/vnd.amazon.eventstream",
            Self::Gemini { sse: false, .. } => "application/json; charset=UTF-8",
            _ if stream => "text/event-stream; charset=utf-8",
            _ => "application/json",
        };
        let reply = Reply::new(200).header("content-type", content_type);
        match stream {
            true => reply.header("cache-control", "no-cache"),
            false => reply,
        }
    }

    /// The answer in the pieces a stream sends it in.
    pub(crate) fn frames(&self, ask: &Ask, answer: &Answer, id: &str) -> Vec<Bytes> {
        match self {
            Self::Chat => chat::frames(ask, answer, id),
            Self::Messages => messages::frames(ask, answer, id),
            Self::Responses { body, form } => responses::frames(ask, answer, body, *form, id),
            Self::Gemini { sse, .. } => {
                let chunks = gemini::chunks(ask, answer, id);
                let chunks: Vec<_> = chunks.into_iter().map(|it| self.wrapped(it, id)).collect();
                match sse {
                    true => chunks.iter().map(chat::data_frame).collect(),
                    false => gemini::array(&chunks),
                }
            }
            Self::Kiro => kiro::frames(answer, id),
        }
    }

    /// The answer as one body.
    pub(crate) fn whole(&self, ask: &Ask, answer: &Answer, id: &str) -> Bytes {
        let whole = match self {
            Self::Chat => chat::whole(ask, answer, id),
            Self::Messages => messages::whole(ask, answer, id),
            Self::Responses { body, .. } => responses::whole(ask, answer, body, id),
            Self::Gemini { .. } => self.wrapped(gemini::whole(ask, answer, id), id),
            Self::Kiro => return kiro::frames(answer, id).concat().into(),
        };
        whole.to_string().into()
    }

    /// Ends a stream with an error after its first piece of content.
    pub(crate) fn fail(&self, frames: &mut Vec<Bytes>, ask: &Ask, id: &str) {
        let body = self.overloaded().body(self.dress(), &format!("req_{id}"));
        match self {
            Self::Chat => {
                frames.truncate(chat::OPENING);
                frames.push(chat::data_frame(&body));
            }
            Self::Messages => {
                frames.truncate(messages::OPENING);
                frames.push(messages::event(&body));
            }
            Self::Responses { body: asked, .. } => {
                frames.truncate(responses::OPENING);
                // A plan's back end has errors of the public form once a stream has begun.
                let body = self.overloaded().body(Dress::OpenAi, "");
                frames.extend(responses::failure(
                    ask,
                    asked,
                    &body["error"],
                    frames.len(),
                    id,
                ));
            }
            Self::Gemini { sse, .. } => {
                frames.truncate(gemini::OPENING);
                frames.push(match sse {
                    true => chat::data_frame(&body),
                    false => format!(",\r\n{body}]").into(),
                });
            }
            Self::Kiro => {
                frames.truncate(kiro::OPENING);
                frames.push(kiro::failure(&body));
            }
        }
    }

    /// What a busy provider says.
    pub(crate) fn overloaded(&self) -> Fault {
        Fault::simulated(match self {
            Self::Messages => 529,
            _ => 503,
        })
    }

    fn wrapped(&self, object: Value, id: &str) -> Value {
        match self {
            Self::Gemini {
                enveloped: true, ..
            } => json!({"response": object, "traceId": id}),
            _ => object,
        }
    }
}
