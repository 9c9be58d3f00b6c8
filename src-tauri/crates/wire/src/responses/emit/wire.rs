//! The events of a stream, with their numbers, and the items as they open and close.

use super::super::item::{Called, Content, Dress, item_id, write_item, write_summary};
use crate::json::Object;

/// What has gone out.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// Number of the next event.
    sequence: u64,
    /// Number of the next item.
    place: usize,
    /// The complete items, with commas between them.
    pub(super) output: Vec<u8>,
}

/// An item that is open on the wire.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) place: usize,
    pub(super) content: Content,
}

impl Wire {
    /// Writes an event.
    pub(super) fn event(
        &mut self,
        name: &str,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let mut data = Object::begin(out);
        data.text("type", name);
        data.int("sequence_number", self.sequence);
        fill(&mut data);
        data.end();
        out.extend_from_slice(b"\n\n");
        self.sequence += 1;
    }

    /// Announces an item.
    pub(super) fn open(&mut self, content: Content, reply: &str, out: &mut Vec<u8>) -> Open {
        let place = self.place;
        self.place += 1;
        let id = item_id(&content, reply, place);
        self.event("response.output_item.added", out, |data| {
            data.int("output_index", place);
            write_item(&content, &id, "in_progress", data.key("item"));
        });
        Open { id, place, content }
    }

    /// Ends an item with everything it holds.
    pub(super) fn close(&mut self, open: &Open, status: &str, out: &mut Vec<u8>) {
        let mut item = Vec::with_capacity(256);
        write_item(&open.content, &open.id, status, &mut item);
        self.event("response.output_item.done", out, |data| {
            data.int("output_index", open.place);
            data.key("item").extend_from_slice(&item);
        });
        if !self.output.is_empty() {
            self.output.push(b',');
        }
        self.output.extend_from_slice(&item);
    }

    /// The end of the one summary that reasoning has.
    pub(super) fn summary_done(&mut self, id: &str, place: usize, text: &str, out: &mut Vec<u8>) {
        self.event("response.reasoning_summary_text.done", out, |data| {
            place_of(data, id, place);
            data.int("summary_index", 0);
            data.text("text", text);
        });
        self.event("response.reasoning_summary_part.done", out, |data| {
            place_of(data, id, place);
            data.int("summary_index", 0);
            write_summary(text, data.key("part"));
        });
    }

    /// The end of a call's arguments.
    pub(super) fn call_done(
        &mut self,
        open: &Open,
        called: &Called,
        status: &str,
        out: &mut Vec<u8>,
    ) {
        let shown = called.shown(status == "incomplete");
        let (done, member, name) = match &called.dress {
            Dress::Function { name, .. } => {
                ("response.function_call_arguments.done", "arguments", name)
            }
            Dress::Custom { name, .. } => ("response.custom_tool_call_input.done", "input", name),
            _ => return,
        };
        self.event(done, out, |data| {
            place_of(data, &open.id, open.place);
            if member == "arguments" {
                data.text("name", name);
            }
            data.text(member, shown);
        });
    }
}

/// Which item an event is about.
pub(super) fn place_of(data: &mut Object<'_>, id: &str, place: usize) {
    data.text("item_id", id);
    data.int("output_index", place);
}
