//! Reads what a provider that speaks Responses says: a stream of frames, or one reply.
//!
//! The same content comes up to four times: as deltas, in the part's end, in the item's end, and in
//! the reply's end. Whatever came first counts; later ones only fill in what is missing. Items of
//! tools that run at the provider are passed over.

mod item;
mod kind;
mod reply;

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::frame::{
    FrameMembers, Incomplete, ItemMembers, ReplyMembers, citation, citations, number, read, said,
};
use crate::{
    Dialect, Event, Fault, Finish, counts::Counts, fault::stream_fault, json::mend,
    messages::filled, sse::Frame,
};
use item::Item;
use kind::{Kind, PartKind};
pub(crate) use reply::{no_reason, read_reply};

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    started: bool,
    ended: bool,
    items: Vec<Item>,
    /// The item that the last frame was about.
    current: usize,
    /// Number of the next block of the hub.
    next: usize,
    called: bool,
}

impl Events {
    /// Takes the next frame. What is no event of a reply is skipped.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        let mended = mend(&frame.data);
        let data = String::from_utf8_lossy(mended.as_deref().unwrap_or(&frame.data));
        let Ok(mut members) = serde_json::from_str::<FrameMembers<'_>>(&data) else {
            return;
        };
        let kind = filled(members.kind.take());
        let kind = kind.as_deref().or(frame.event).unwrap_or_default();
        match kind {
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                let status = kind.trim_start_matches("response.");
                self.end(
                    read(members.response).unwrap_or_default(),
                    status,
                    &data,
                    sink,
                );
            }
            "error" => self.fail(stream_fault(Dialect::Responses, data.as_bytes()), sink),
            kind => {
                if let Some(event) = kind.strip_prefix("response.") {
                    self.event(event, members, sink);
                }
            }
        }
    }

    /// The provider closed its stream; says a fault if the reply had not ended.
    pub(crate) fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if !self.ended {
            self.fail(Fault::incomplete(), sink);
        }
    }

    fn fail(&mut self, fault: Fault, sink: &mut impl FnMut(Event<'_>)) {
        self.ended = true;
        sink(Event::Fault(fault));
    }

    fn start(&mut self, reply: &mut ReplyMembers<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.started, true) {
            sink(Event::Start {
                id: filled(reply.id.take()).unwrap_or_default(),
                model: filled(reply.model.take()).unwrap_or_default(),
            });
        }
    }

    fn event(&mut self, event: &str, frame: FrameMembers<'_>, sink: &mut impl FnMut(Event<'_>)) {
        let mut reply = read(frame.response).unwrap_or_default();
        self.start(&mut reply, sink);
        if let Some((kind, done)) = PartKind::of_event(event) {
            self.said(kind, done, frame, sink);
            return;
        }
        if let Some((kind, done)) = Kind::of_event(event) {
            self.arguments(kind, done, frame, sink);
            return;
        }
        let id = filled(frame.item_id).unwrap_or_default();
        let place = number(frame.output_index);
        match event {
            "output_item.added" => {
                if let Some(item) = read::<ItemMembers<'_>>(frame.item) {
                    let at = self.announced(&item, place);
                    self.current = at;
                    self.items[at].take(item);
                    self.advance(at, sink);
                }
            }
            "output_item.done" => {
                if let Some(item) = read(frame.item) {
                    self.whole(item, place, false, sink);
                }
            }
            "output_text.annotation.added" => {
                if let Some(at) = self.find(&id, place, Kind::Message)
                    && let Some(citation) = frame.annotation.and_then(citation)
                {
                    let part = number(frame.content_index).unwrap_or(0);
                    self.items[at].cite(part, citation, sink);
                }
            }
            "content_part.done" => {
                let part = number(frame.content_index).unwrap_or(0);
                self.part_done(&id, place, part, frame.part, sink);
            }
            "image_generation_call.partial_image" => {
                if let Some(data) = filled(frame.partial_image) {
                    let at = self.found(&id, place, Kind::Image);
                    let format = filled(frame.output_format);
                    self.items[at].picture(data, format, &mut self.next, sink);
                }
            }
            _ => {}
        }
    }

    /// More of a part's text, or all of it.
    fn said(
        &mut self,
        kind: PartKind,
        done: bool,
        frame: FrameMembers<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let id = filled(frame.item_id).unwrap_or_default();
        let place = number(frame.output_index);
        let part = number(frame.content_index.or(frame.summary_index)).unwrap_or(0);
        if done {
            let whole = filled(frame.text).or_else(|| filled(frame.refusal));
            if let Some(whole) = whole {
                let at = self.found(&id, place, kind.of_item());
                self.items[at].fill((kind, part), &whole, &mut self.next, sink);
            }
            return;
        }
        let at = self.found(&id, place, kind.of_item());
        let delta = filled(frame.delta).unwrap_or_default();
        self.items[at].text((kind, part), &delta, &mut self.next, sink);
        if kind == PartKind::Text {
            self.items[at].probable(part, frame.logprobs, true, sink);
        }
    }

    /// More of a call's arguments, or all of them.
    fn arguments(
        &mut self,
        kind: Kind,
        done: bool,
        frame: FrameMembers<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let id = filled(frame.item_id).unwrap_or_default();
        let at = self.found(&id, number(frame.output_index), kind);
        let item = &mut self.items[at];
        if done {
            item.name_is(filled(frame.name));
            let whole = filled(frame.arguments).or_else(|| filled(frame.input));
            item.arguments_are(whole.as_deref());
        } else {
            item.arguments
                .push_str(&filled(frame.delta).unwrap_or_default());
        }
        self.advance(at, sink);
    }

    fn part_done(
        &mut self,
        id: &str,
        place: Option<u64>,
        number: u64,
        part: Option<&RawValue>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let Some(part) = read::<super::frame::PartMembers<'_>>(part) else {
            return;
        };
        let Some(kind) = PartKind::named(&part) else {
            return;
        };
        let Some(at) = self.find(id, place, kind.of_item()) else {
            return;
        };
        let found = citations(part.annotations);
        let item = &mut self.items[at];
        let logprobs = part.logprobs;
        item.fill((kind, number), &said(part), &mut self.next, sink);
        item.cite_all(number, found, sink);
        item.probable(number, logprobs, false, sink);
    }

    /// The item that a frame is about: by its id, else by its place, else the one before.
    fn find(&self, id: &str, place: Option<u64>, kind: Kind) -> Option<usize> {
        let fits = |at: &usize| self.items[*at].kind == kind;
        let by_id = || self.items.iter().rposition(|item| item.id == id);
        let by_place = || self.items.iter().rposition(|item| item.place == place);
        let found = (!id.is_empty()).then(by_id).flatten().filter(fits);
        let found = found.or_else(|| place.and_then(|_| by_place()).filter(fits));
        match found {
            None if id.is_empty() && place.is_none() => Some(self.current)
                .filter(|at| *at < self.items.len())
                .filter(fits),
            found => found,
        }
    }

    /// The same; an item that was never announced begins here.
    fn found(&mut self, id: &str, place: Option<u64>, kind: Kind) -> usize {
        let at = self.find(id, place, kind).unwrap_or_else(|| {
            self.items.push(Item::new(id, place, kind));
            self.items.len() - 1
        });
        self.current = at;
        at
    }

    fn announced(&mut self, item: &ItemMembers<'_>, place: Option<u64>) -> usize {
        let id = item
            .id
            .as_ref()
            .and_then(|id| id.as_str())
            .unwrap_or_default();
        let known = |known: &Item| known.id == id && !id.is_empty();
        self.items.iter().rposition(known).unwrap_or_else(|| {
            self.items.push(Item::new(id, place, Kind::named(item)));
            self.items.len() - 1
        })
    }

    /// Sends on what has arrived of a call.
    fn advance(&mut self, at: usize, sink: &mut impl FnMut(Event<'_>)) {
        if self.items[at].advance(false, &mut self.next, sink) {
            self.called = true;
        }
    }

    /// An item with everything it holds. One that was `cut` with the reply stays open.
    fn whole(
        &mut self,
        mut item: ItemMembers<'_>,
        place: Option<u64>,
        cut: bool,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let kind = Kind::named(&item);
        let id = item
            .id
            .as_ref()
            .and_then(|id| id.as_str())
            .unwrap_or_default();
        let call_id = item.call_id.as_ref().and_then(|id| id.as_str());
        let known = self.find(id, place, kind).or_else(|| {
            let same = |item: &Item| item.call_id.as_str() == call_id.unwrap_or_default();
            let same = |item: &Item| call_id.is_some() && item.kind == kind && same(item);
            self.items.iter().rposition(same)
        });
        let at = known.unwrap_or_else(|| {
            self.items.push(Item::new(id, place, kind));
            self.items.len() - 1
        });
        self.current = at;
        if self.items[at].done {
            return;
        }
        let cut = match filled(item.status.take()).as_deref() {
            Some("completed") => false,
            Some("incomplete" | "in_progress") => true,
            _ => cut,
        };
        if self.items[at].finish(item, cut, &mut self.next, sink) {
            self.called = true;
        }
    }

    fn end(
        &mut self,
        mut reply: ReplyMembers<'_>,
        said: &str,
        data: &str,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        self.start(&mut reply, sink);
        let status = filled(reply.status.take());
        let status = match status.as_deref() {
            Some(status @ ("incomplete" | "failed" | "cancelled")) => status,
            _ => said,
        };
        if matches!(status, "failed" | "cancelled") {
            let fault = match reply.error {
                Some(_) => stream_fault(Dialect::Responses, data.as_bytes()),
                None => no_reason(),
            };
            self.fail(fault, sink);
            return;
        }
        let cut = status == "incomplete";
        let output: Vec<&RawValue> = read(reply.output).unwrap_or_default();
        for (place, raw) in output.into_iter().enumerate() {
            if let Some(item) = read(Some(raw)) {
                self.whole(item, Some(place as u64), cut, sink);
            }
        }
        for item in &mut self.items {
            // An item that is still open in a complete reply has merely lost its end.
            if !item.done
                && !cut
                && item.finish(ItemMembers::default(), false, &mut self.next, sink)
            {
                self.called = true;
            }
        }
        if let Some(usage) = reply.usage {
            let mut counts = Counts::default();
            counts.read(usage.get());
            let usage = counts.usage(Dialect::Responses);
            if !usage.is_empty() {
                sink(Event::Usage(usage));
            }
        }
        let details = read::<Incomplete<'_>>(reply.incomplete_details);
        let why = details.and_then(|details| filled(details.reason));
        let stop_sequence = filled(reply.stop_sequence);
        let native = why.unwrap_or(Cow::Borrowed(if cut { "incomplete" } else { "completed" }));
        let reason = match &*native {
            "content_filter" => Finish::Refused,
            _ if cut => Finish::Length,
            _ if stop_sequence.is_some() => Finish::StopSequence,
            _ if self.called => Finish::ToolCalls,
            _ => Finish::Stop,
        };
        sink(Event::Finish {
            reason,
            native,
            stop_sequence,
        });
        sink(Event::End);
        self.ended = true;
    }
}

#[cfg(test)]
mod tests;
