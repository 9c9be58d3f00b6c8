//! Writes JSON objects member by member, without a tree.

use crate::json::{write_f64, write_int, write_str};

/// An object being written. It must be closed.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Begins an object.
    pub(super) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Begins a member whose name and value must both be written to what is returned.
    pub(super) fn next(&mut self) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out
    }

    /// Begins a member whose value must be written to what is returned. `name` needs no escapes.
    pub(super) fn member(&mut self, name: &str) -> &mut Vec<u8> {
        let out = self.next();
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        out
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        write_str(self.member(name), text);
    }

    pub(super) fn count(&mut self, name: &str, count: u64) {
        write_int(self.member(name), count);
    }

    pub(super) fn number(&mut self, name: &str, number: f64) {
        write_f64(self.member(name), number);
    }

    /// A member whose value is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: &str) {
        self.member(name).extend_from_slice(json.as_bytes());
    }

    pub(super) fn close(self) {
        self.out.push(b'}');
    }
}

/// Writes a list, one call of `each` per item.
pub(super) fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (order, item) in items.into_iter().enumerate() {
        if order > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}
