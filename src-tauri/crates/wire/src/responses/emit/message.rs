//! The parts of messages and of reasoning, as they go out.

use super::super::item::{
    Content, Part, write_citation, write_logprobs, write_part, write_summary,
};
use super::wire::{Open, Wire, place_of};
use crate::Citation;

impl Wire {
    /// Begins a part of a message.
    pub(super) fn part_added(&mut self, open: &mut Open, refusal: bool, out: &mut Vec<u8>) {
        let Content::Message(parts) = &mut open.content else {
            return;
        };
        let part = Part {
            refusal,
            ..Part::default()
        };
        self.event("response.content_part.added", out, |data| {
            place_of(data, &open.id, open.place);
            data.int("content_index", parts.len());
            write_part(&part, data.key("part"));
        });
        parts.push(part);
    }

    /// More of a message's last part.
    pub(super) fn say(
        &mut self,
        open: &mut Open,
        text: &str,
        citations: Vec<Citation<'static>>,
        out: &mut Vec<u8>,
    ) {
        let Content::Message(parts) = &mut open.content else {
            return;
        };
        let number = parts.len().saturating_sub(1);
        let Some(part) = parts.last_mut() else { return };
        if !text.is_empty() {
            part.text.push_str(text);
            let name = if part.refusal {
                "response.refusal.delta"
            } else {
                "response.output_text.delta"
            };
            self.event(name, out, |data| {
                place_of(data, &open.id, open.place);
                data.int("content_index", number);
                data.text("delta", text);
                if !part.refusal {
                    data.raw("logprobs", "[]");
                }
            });
        }
        for mut citation in citations {
            let whole = || (0, part.text.chars().count() as u64);
            citation.span = Some(citation.span.unwrap_or_else(whole));
            self.event("response.output_text.annotation.added", out, |data| {
                place_of(data, &open.id, open.place);
                data.int("content_index", number);
                data.int("annotation_index", part.citations.len());
                write_citation(&citation, data.key("annotation"));
            });
            part.citations.push(citation);
        }
    }

    /// Ends a message's last part.
    pub(super) fn part_done(&mut self, open: &Open, out: &mut Vec<u8>) {
        let Content::Message(parts) = &open.content else {
            return;
        };
        let number = parts.len().saturating_sub(1);
        let Some(part) = parts.last() else { return };
        let (name, member) = if part.refusal {
            ("response.refusal.done", "refusal")
        } else {
            ("response.output_text.done", "text")
        };
        self.event(name, out, |data| {
            place_of(data, &open.id, open.place);
            data.int("content_index", number);
            data.text(member, &part.text);
            if !part.refusal {
                write_logprobs(part, data);
            }
        });
        self.event("response.content_part.done", out, |data| {
            place_of(data, &open.id, open.place);
            data.int("content_index", number);
            write_part(part, data.key("part"));
        });
    }

    /// More of reasoning.
    pub(super) fn think(&mut self, open: &mut Open, text: &str, out: &mut Vec<u8>) {
        let Content::Reasoning { text: all, .. } = &mut open.content else {
            return;
        };
        if all.is_empty() {
            self.event("response.reasoning_summary_part.added", out, |data| {
                place_of(data, &open.id, open.place);
                data.int("summary_index", 0);
                write_summary("", data.key("part"));
            });
        }
        all.push_str(text);
        self.event("response.reasoning_summary_text.delta", out, |data| {
            place_of(data, &open.id, open.place);
            data.int("summary_index", 0);
            data.text("delta", text);
        });
    }
}
