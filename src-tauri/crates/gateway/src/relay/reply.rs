//! The head of a reply, and what kind of body follows it.

use std::time::Duration;

use axum::body::Body;
use byokey_vault::Outcome;
use byokey_wire::{
    Answer, Dialect, Fault, FaultKind, Ledger, Memory, Seen, Watch, WholeResponse,
    unwrap_code_assist,
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use jiff::Timestamp;
use tokio::time::Instant;

use super::stream::{Flow, Limits, Reply, Way, cut_off};
use crate::inflow::Inflow;
use crate::meter::Meter;
use crate::resolve::Shape;
use crate::respond;

/// A whole reply up to this size is checked before any of it is sent, so that a broken one becomes a
/// clear error; a larger one passes as it comes.
const CHECKED_UP_TO: usize = 1 << 20;
/// Largest whole reply that is translated.
const TRANSLATED_UP_TO: usize = 256 << 20;

/// The way back of a request.
pub(super) struct Back<'s> {
    pub(super) upstream: Dialect,
    pub(super) shape: &'s Shape,
    /// Whether the caller wants a stream.
    pub(super) stream: bool,
    pub(super) answer: Option<Answer>,
    pub(super) limits: Limits,
}

/// A reply whose head is known: from here on no other account is asked.
pub(super) struct Begun {
    pub(super) headers: HeaderMap,
    status: StatusCode,
    body: Content,
    limits: Limits,
}

enum Content {
    Whole(Box<Whole>),
    Flow {
        incoming: Inflow,
        /// What the caller gets at once.
        ready: Bytes,
        flow: Box<Flow>,
    },
}

/// A whole reply, ready to go out.
#[derive(Default)]
struct Whole {
    body: Bytes,
    seen: Seen,
    losses: Ledger,
    memories: Vec<(String, Memory)>,
}

/// A reply that is none, and who is to blame.
pub(super) struct NoReply {
    pub(super) fault: Fault,
    pub(super) outcome: Outcome,
}

impl From<Fault> for NoReply {
    fn from(fault: Fault) -> Self {
        let outcome = match fault.kind {
            FaultKind::Timeout => Outcome::Timeout,
            _ => Outcome::UpstreamCut,
        };
        Self { fault, outcome }
    }
}

/// What was read of a body.
pub(crate) enum Collected<B> {
    /// All of it.
    Whole(Bytes),
    /// The beginning; more follows.
    Begun(Bytes, B),
}

impl Back<'_> {
    /// Reads as much of a successful reply as must be known before the caller may see it.
    ///
    /// # Errors
    /// When it is no reply of the provider's dialect, or a stream that fails before it says anything.
    pub(super) async fn begin(self, response: Response<Inflow>) -> Result<Begun, NoReply> {
        let (parts, incoming) = response.into_parts();
        let streamed = self.stream || self.shape.always_streams();
        let kind = Kind::of(&parts.headers, streamed);
        let streaming = self.stream && matches!(kind, Kind::Stream);
        let mut headers = HeaderMap::new();
        respond::take_headers(&parts.headers, &mut headers);
        let body = match (kind, self.answer) {
            (Kind::Other(found), _) => return Err(not_a_reply(&found).into()),
            (Kind::Stream, answer) if !self.stream && self.shape.always_streams() => {
                gathered(incoming, self.upstream, answer, self.limits).await?
            }
            (Kind::Stream, answer) => {
                let enveloped = answer.is_none() && matches!(self.shape, Shape::CodeAssist(_));
                let way = match answer {
                    None => Way::Pass(Watch::new(self.upstream, true)),
                    Some(answer) => {
                        let translation = answer.stream(Timestamp::now().as_second());
                        Way::Via(Box::new(translation))
                    }
                };
                opened(incoming, Flow::new(way, enveloped), self.limits).await?
            }
            (Kind::Json, None) if matches!(self.shape, Shape::CodeAssist(_)) => {
                let body = whole(collect(incoming, TRANSLATED_UP_TO, self.limits).await?)?;
                let inner = body.slice_ref(unwrap_code_assist(&body));
                passed(Collected::Whole(inner), Watch::new(self.upstream, false))?
            }
            (Kind::Json, None) => {
                let watch = Watch::new(self.upstream, false);
                passed(collect(incoming, CHECKED_UP_TO, self.limits).await?, watch)?
            }
            (Kind::Json, Some(_)) if self.stream => {
                let what = "one JSON object although a stream was asked for";
                return Err(not_a_reply(what).into());
            }
            (Kind::Json, Some(answer)) => {
                let body = whole(collect(incoming, TRANSLATED_UP_TO, self.limits).await?)?;
                translated(&answer, &body)?
            }
        };
        if streaming {
            stream_headers(&mut headers);
        } else {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        Ok(Begun {
            headers,
            status: parts.status,
            body,
            limits: self.limits,
        })
    }
}

impl Begun {
    /// The response, with the meter in its body.
    pub(super) fn into_response(self, mut meter: Meter, dialect: Dialect) -> Response<Body> {
        meter.note(|row| row.status = self.status.as_u16());
        let body = match self.body {
            Content::Whole(whole) => {
                meter.first();
                meter.seen(&whole.seen);
                meter.lost(&whole.losses);
                meter.remember(whole.memories);
                meter.note(|row| row.bytes_out = whole.body.len() as u64);
                match &whole.seen.fault {
                    Some(fault) => meter.failed(fault, Outcome::UpstreamError),
                    None => meter.complete(),
                }
                Body::from(whole.body)
            }
            Content::Flow {
                incoming,
                ready,
                flow,
            } => Body::new(Reply::new(
                incoming,
                *flow,
                ready,
                dialect,
                meter,
                self.limits,
            )),
        };
        let mut headers = self.headers;
        if let Some(id) = respond::provider_id(&headers).cloned() {
            respond::tell_id(dialect, &mut headers, id);
        }
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

/// What a successful reply says it is.
enum Kind {
    Stream,
    Json,
    Other(String),
}

impl Kind {
    fn of(headers: &HeaderMap, stream: bool) -> Self {
        let given = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = given
            .and_then(|given| given.split(';').next())
            .unwrap_or_default()
            .trim();
        match essence.to_ascii_lowercase().as_str() {
            "text/event-stream" => Self::Stream,
            // Kiro's frames, which are its whole reply as well.
            "application/vnd.amazon.eventstream" if stream => Self::Stream,
            "application/vnd.amazon.eventstream" => Self::Json,
            "application/json" => Self::Json,
            "" if stream => Self::Stream,
            "" => Self::Json,
            other => Self::Other(format!("`{}`", other.chars().take(60).collect::<String>())),
        }
    }
}

fn stream_headers(headers: &mut HeaderMap) {
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
}

/// Longest time for which the beginning of a stream is held back, until it shows whether the reply
/// comes or fails: up to then another account may be asked.
const HELD: Duration = Duration::from_secs(10);

/// Reads a stream up to its first piece of content. Mostly that is there with the head.
///
/// # Errors
/// When the stream fails before it says anything.
async fn opened(mut incoming: Inflow, mut flow: Flow, limits: Limits) -> Result<Content, NoReply> {
    let silent = Instant::now() + limits.idle;
    let until = limits.end.map_or(silent, |end| end.min(silent));
    let until = until.min(Instant::now() + HELD);
    let mut ready = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let out = match tokio::time::timeout_at(until, incoming.frame()).await {
            Err(_) if until < silent => break,
            Err(_) => return Err(went_silent().into()),
            Ok(None) => flow.close()?,
            Ok(Some(Err(_))) => return Err(cut_off().into()),
            Ok(Some(Ok(frame))) => frame.into_data().ok().and_then(|data| flow.take(data)),
        };
        match out {
            Some(out) if ready.is_empty() && joined.is_empty() => ready = out,
            Some(out) => {
                joined.extend_from_slice(&std::mem::take(&mut ready));
                joined.extend_from_slice(&out);
            }
            None => {}
        }
        let seen = flow.seen();
        if seen.content {
            break;
        }
        if let Some(fault) = &seen.fault {
            return Err(NoReply {
                fault: fault.clone(),
                outcome: Outcome::UpstreamError,
            });
        }
        if seen.ended {
            break;
        }
    }
    Ok(Content::Flow {
        incoming,
        ready: either(ready, joined),
        flow: Box::new(flow),
    })
}

/// A whole reply out of the stream of a provider that always streams.
///
/// # Errors
/// When it breaks off, or says that the provider failed.
async fn gathered(
    incoming: Inflow,
    upstream: Dialect,
    answer: Option<Answer>,
    limits: Limits,
) -> Result<Content, Fault> {
    let stream = whole(collect(incoming, TRANSLATED_UP_TO, limits).await?)?;
    match answer {
        Some(answer) => translated(&answer, &stream),
        None => {
            let mut reply = WholeResponse::default();
            reply.push(&stream);
            let reply = Collected::Whole(reply.finish()?.into());
            passed(reply, Watch::new(upstream, false))
        }
    }
}

fn whole(collected: Collected<Inflow>) -> Result<Bytes, Fault> {
    match collected {
        Collected::Whole(body) => Ok(body),
        Collected::Begun(..) => Err(not_a_reply("more than 256 MiB")),
    }
}

fn translated(answer: &Answer, body: &[u8]) -> Result<Content, Fault> {
    let reply = answer.reply(body, Timestamp::now().as_second())?;
    Ok(Content::Whole(Box::new(Whole {
        body: reply.body.into(),
        seen: reply.seen,
        losses: reply.losses,
        memories: reply.memories,
    })))
}

/// Checks a whole reply that passes untouched.
fn passed(collected: Collected<Inflow>, mut watch: Watch) -> Result<Content, Fault> {
    match collected {
        Collected::Begun(ready, incoming) => {
            let mut flow = Flow::new(Way::Whole(watch), false);
            let ready = flow.take(ready).unwrap_or_default();
            Ok(Content::Flow {
                incoming,
                ready,
                flow: Box::new(flow),
            })
        }
        Collected::Whole(body) => {
            if let Err(error) = serde_json::from_slice::<&serde_json::value::RawValue>(&body) {
                let what = if error.is_eof() {
                    "half a JSON object"
                } else {
                    "broken JSON"
                };
                return Err(not_a_reply(what));
            }
            watch.push(&body);
            watch.finish();
            Ok(Content::Whole(Box::new(Whole {
                body,
                seen: watch.seen().clone(),
                ..Whole::default()
            })))
        }
    }
}

fn not_a_reply(what: &str) -> Fault {
    Fault::new(
        FaultKind::Upstream,
        format!("the provider answered with {what}; if this address is your own, check base_url"),
    )
}

fn went_silent() -> Fault {
    let message = "the provider went silent in the middle of its reply";
    Fault::new(FaultKind::Timeout, message)
}

/// Reads a body up to `most` bytes.
///
/// # Errors
/// When it breaks off or goes silent.
pub(crate) async fn collect<B: HttpBody<Data = Bytes> + Unpin>(
    mut body: B,
    most: usize,
    limits: Limits,
) -> Result<Collected<B>, Fault> {
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let silent = Instant::now() + limits.idle;
        let until = limits.end.map_or(silent, |end| end.min(silent));
        let frame = match tokio::time::timeout_at(until, body.frame()).await {
            Ok(frame) => frame,
            Err(_) => return Err(went_silent()),
        };
        match frame {
            None => break,
            Some(Err(_)) => return Err(not_a_reply("half a reply and closed the connection")),
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                if whole.is_empty() && joined.is_empty() {
                    whole = data;
                } else {
                    if joined.is_empty() {
                        joined.extend_from_slice(&std::mem::take(&mut whole));
                    }
                    joined.extend_from_slice(&data);
                }
                if whole.len() + joined.len() > most {
                    return Ok(Collected::Begun(either(whole, joined), body));
                }
            }
        }
    }
    Ok(Collected::Whole(either(whole, joined)))
}

fn either(whole: Bytes, joined: BytesMut) -> Bytes {
    if joined.is_empty() {
        whole
    } else {
        joined.freeze()
    }
}
