use std::ops::Range;

use bytes::Bytes;

/// Puts another model name in the place of the caller's while a body goes by in pieces. Every other
/// byte is shared, not copied, and reaches the provider unchanged.
#[derive(Clone, Debug)]
pub struct Splice {
    at: Range<usize>,
    name: Bytes,
    /// Whether the name has gone out.
    written: bool,
    /// Where the next piece begins in the body.
    offset: usize,
}

impl Splice {
    /// Replaces the JSON string at `at`, quotes included, by `model`.
    pub fn new(at: Range<usize>, model: &str) -> Self {
        let mut name = Vec::with_capacity(model.len() + 2);
        crate::json::write_str(&mut name, model);
        Self {
            at,
            name: name.into(),
            written: false,
            offset: 0,
        }
    }

    /// Puts a `model` member in front of the first one, which begins at `first_key`.
    pub fn insert(first_key: usize, model: &str) -> Self {
        let mut member = b"\"model\":".to_vec();
        crate::json::write_str(&mut member, model);
        member.push(b',');
        Self {
            at: first_key..first_key,
            name: member.into(),
            written: false,
            offset: 0,
        }
    }

    /// Replaces the bytes at `at` by the bare name, as forms have it.
    pub fn plain(at: Range<usize>, model: &str) -> Self {
        Self {
            at,
            name: Bytes::copy_from_slice(model.as_bytes()),
            written: false,
            offset: 0,
        }
    }

    /// Leaves every byte as it is.
    pub fn none() -> Self {
        Self {
            at: 0..0,
            name: Bytes::new(),
            written: true,
            offset: 0,
        }
    }

    /// Length of the new body, when the old one has `whole` bytes.
    pub fn length(&self, whole: u64) -> u64 {
        whole.saturating_sub(self.at.len() as u64) + self.name.len() as u64
    }

    /// What goes out for the body's next piece; parts may be empty.
    pub fn piece(&mut self, piece: Bytes) -> [Bytes; 3] {
        let start = self.offset;
        self.offset += piece.len();
        let within = |position: usize| position.clamp(start, self.offset) - start;
        let (before, after) = (within(self.at.start), within(self.at.end));
        let reached = self.offset > self.at.start && !self.written;
        self.written |= reached;
        let name = if reached {
            self.name.clone()
        } else {
            Bytes::new()
        };
        [piece.slice(..before), name, piece.slice(after..)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scan;

    #[test]
    fn every_other_byte_stays_wherever_the_body_is_cut() {
        for (body, model, expected) in [
            (r#"{"model":"a","n":1e3}"#, "b", r#"{"model":"b","n":1e3}"#),
            (
                "{ \"x\" : \"\\u00e9\\ud800\" ,\n\"model\" :\"\\u0061\"}",
                "q\"\\\n",
                "{ \"x\" : \"\\u00e9\\ud800\" ,\n\"model\" :\"q\\\"\\\\\\n\"}",
            ),
        ] {
            let mut scan = Scan::new();
            scan.push(body.as_bytes()).unwrap();
            let at = scan.finish().unwrap().at.clone();
            let body = Bytes::copy_from_slice(body.as_bytes());
            for cut in 0..=body.len() {
                let mut splice = Splice::new(at.clone(), model);
                assert_eq!(splice.length(body.len() as u64), expected.len() as u64);
                let mut out = splice.piece(body.slice(..cut)).concat();
                out.extend(splice.piece(body.slice(cut..)).concat());
                assert_eq!(out, expected.as_bytes(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_body_without_a_model_gets_one_in_front() {
        let body = Bytes::from_static(b" {\n \"x\" : 1}");
        let mut scan = Scan::new();
        scan.push(&body).unwrap();
        let at = scan.first_key().unwrap();
        for cut in 0..=body.len() {
            let mut splice = Splice::insert(at, "m");
            let mut out = splice.piece(body.slice(..cut)).concat();
            out.extend(splice.piece(body.slice(cut..)).concat());
            assert_eq!(out, b" {\n \"model\":\"m\",\"x\" : 1}", "cut at {cut}");
        }
    }
}
