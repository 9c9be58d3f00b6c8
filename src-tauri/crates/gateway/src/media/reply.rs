//! The way back of a media request.

use axum::body::Body;
use byokey_wire::{
    Dialect, Fault, FaultKind, Ledger, Listen, MediaAnswer, MediaReply, Shape, Transcript, Watch,
    media_use,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;

use crate::flow::Flow;
use crate::meter::Meter;
use crate::relay::{Collected, Limits, collect};
use crate::respond;
use crate::through::Through;

/// A whole reply up to this size is looked at before it goes out, in bytes.
const LOOKED_AT_UP_TO: usize = 1 << 20;
/// Largest reply that is translated, in bytes.
const TRANSLATED_UP_TO: usize = 256 << 20;

/// How a reply becomes the caller's.
pub(super) enum Back {
    /// It is the caller's form.
    Pass,
    /// By a translation.
    Answer(MediaAnswer),
    /// What was heard.
    Transcript {
        shape: Shape,
        listen: Listen,
        flow: Flow,
        /// How many fields of the form were known when it was sent.
        known: usize,
    },
}

/// A reply whose head is known.
pub(super) struct Begun {
    pub(super) headers: HeaderMap,
    status: StatusCode,
    body: Content,
    limits: Limits,
}

enum Content {
    Whole(MediaReply),
    Flow {
        ready: Bytes,
        incoming: Incoming,
        watch: Option<Box<Watch>>,
    },
}

impl Back {
    /// Reads as much of a successful reply as must be known before the caller may see it.
    ///
    /// # Errors
    /// When it is none of the provider's form, or breaks off.
    pub(super) async fn begin(
        self,
        response: Response<Incoming>,
        limits: Limits,
        mut losses: Ledger,
    ) -> Result<Begun, Fault> {
        let (parts, incoming) = response.into_parts();
        let mut headers = HeaderMap::new();
        respond::take_headers(&parts.headers, &mut headers);
        let kind = Kind::of(&parts.headers);
        let body = match self {
            Self::Pass => passed(kind, incoming, limits).await?,
            Self::Answer(MediaAnswer::Sound(content_type)) => {
                if kind == Kind::Json {
                    return Err(not_a_reply("JSON in the place of sound"));
                }
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
                Content::Flow {
                    ready: Bytes::new(),
                    incoming,
                    watch: None,
                }
            }
            Self::Answer(answer) => {
                let body = whole(incoming, limits).await?;
                Content::Whole(answer.reply(&body, Timestamp::now().as_second())?)
            }
            Self::Transcript {
                shape,
                mut listen,
                flow,
                known,
            } => {
                let body = whole(incoming, limits).await?;
                let late = flow.fields().split_off(known);
                listen.later(&late, &mut losses)?;
                Content::Whole(Transcript::read(shape, &body)?.render(&listen)?)
            }
        };
        if let Content::Whole(reply) = &body
            && !reply.content_type.is_empty()
        {
            let kind = HeaderValue::from_static(reply.content_type);
            headers.insert(header::CONTENT_TYPE, kind);
        }
        if let Some(lost) = losses.header()
            && let Ok(lost) = HeaderValue::try_from(lost)
        {
            headers.insert(respond::DROPPED, lost);
        }
        Ok(Begun {
            headers,
            status: parts.status,
            body,
            limits,
        })
    }
}

impl Begun {
    /// The response, with the meter in its body.
    pub(super) fn into_response(self, mut meter: Meter) -> Response<Body> {
        meter.note(|row| row.status = self.status.as_u16());
        if let Some(count) = self.headers.get("character-cost") {
            let count = count.to_str().ok().and_then(|count| count.parse().ok());
            meter.note(|row| row.units.characters = count);
        }
        let body = match self.body {
            Content::Whole(reply) => {
                meter.first();
                meter.note(|row| {
                    row.bytes_out = reply.body.len() as u64;
                    row.usage = reply.usage;
                    row.units.audio_ms = reply.audio_ms;
                    row.units.images = reply.images;
                });
                meter.complete();
                Body::from(reply.body)
            }
            Content::Flow {
                ready,
                incoming,
                watch,
            } => {
                let through = Through::new(incoming, ready, watch, meter, None, self.limits);
                Body::new(through)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// What a reply says it is.
#[derive(PartialEq, Eq)]
enum Kind {
    Json,
    Stream,
    Other,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(header::CONTENT_TYPE);
        let given = given
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        match given.split(';').next().unwrap_or_default().trim() {
            "application/json" => Self::Json,
            "text/event-stream" => Self::Stream,
            _ => Self::Other,
        }
    }
}

/// A reply in the caller's form: counts are read from it where it has them.
async fn passed(kind: Kind, incoming: Incoming, limits: Limits) -> Result<Content, Fault> {
    let watch = match kind {
        Kind::Json => Watch::new(Dialect::Responses, false),
        Kind::Stream => Watch::new(Dialect::Responses, true),
        Kind::Other => {
            return Ok(Content::Flow {
                ready: Bytes::new(),
                incoming,
                watch: None,
            });
        }
    };
    if kind == Kind::Stream {
        return Ok(Content::Flow {
            ready: Bytes::new(),
            incoming,
            watch: Some(Box::new(watch)),
        });
    }
    match collect(incoming, LOOKED_AT_UP_TO, limits).await? {
        Collected::Begun(ready, incoming) => Ok(Content::Flow {
            ready,
            incoming,
            watch: Some(Box::new(watch)),
        }),
        Collected::Whole(body) => {
            if serde_json::from_slice::<&serde_json::value::RawValue>(&body).is_err() {
                return Err(not_a_reply("broken JSON"));
            }
            let used = media_use(&body);
            Ok(Content::Whole(MediaReply {
                content_type: "application/json",
                body: body.into(),
                ..used
            }))
        }
    }
}

async fn whole(incoming: Incoming, limits: Limits) -> Result<Bytes, Fault> {
    match collect(incoming, TRANSLATED_UP_TO, limits).await? {
        Collected::Whole(body) => Ok(body),
        Collected::Begun(..) => Err(not_a_reply("more than 256 MiB")),
    }
}

fn not_a_reply(what: &str) -> Fault {
    Fault::new(
        FaultKind::Upstream,
        format!("the provider answered with {what}; if this address is your own, check base_url"),
    )
}
