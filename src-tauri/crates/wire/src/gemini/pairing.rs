//! Gives every function call and every answer an id.
//!
//! Gemini's ids are optional: without them the answers of a function belong to its calls in their
//! order. Other dialects pair by id alone. An id made here depends only on what came before it, so
//! that a longer conversation keeps it.

use std::collections::HashSet;

use crate::{Body, CallResult, Message, Role, ids::digest};

/// A call that waits for its answer.
struct Open {
    id: String,
    name: String,
    /// Number of the assistant's run of messages that it belongs to.
    batch: usize,
    /// Whether the id was made here.
    made: bool,
}

/// Makes up ids for calls without one and finds the call of every answer. Explicit ids go first; of
/// the rest, the first answer of a name goes to the first open call of that name in the latest batch
/// that has one. An answer that nothing asked for gets an id of its own.
pub(super) fn pair(messages: &mut [Message<'_>]) {
    let mut pairing = Pairing {
        known: given_ids(messages),
        open: Vec::new(),
        made: 0,
    };
    let mut rest = messages;
    let mut batch = 0;
    while !rest.is_empty() {
        let speaks = |message: &Message<'_>| message.role == Role::Assistant;
        let run = rest.iter().take_while(|message| speaks(message)).count();
        let behind = rest[run..]
            .iter()
            .take_while(|message| !speaks(message))
            .count();
        let (segment, others) = rest.split_at_mut(run + behind);
        pairing.calls(&mut segment[..run], batch);
        pairing.answers(segment);
        rest = others;
        batch += 1;
    }
}

fn given_ids(messages: &[Message<'_>]) -> HashSet<String> {
    let blocks = messages.iter().flat_map(|message| &message.blocks);
    let ids = blocks.filter_map(|block| match &block.body {
        Body::Call(call) => Some(&call.id),
        _ => None,
    });
    ids.filter(|id| !id.is_empty())
        .map(|id| id.clone().into_owned())
        .collect()
}

struct Pairing {
    /// Ids that the caller gave its calls.
    known: HashSet<String>,
    open: Vec<Open>,
    /// How many ids have been made.
    made: usize,
}

impl Pairing {
    fn calls(&mut self, messages: &mut [Message<'_>], batch: usize) {
        for block in messages.iter_mut().flat_map(|message| &mut message.blocks) {
            let Body::Call(call) = &mut block.body else {
                continue;
            };
            let made = call.id.is_empty();
            if made {
                call.id = self.make(&call.name, &call.arguments).into();
            }
            self.open.push(Open {
                id: call.id.clone().into_owned(),
                name: call.name.clone().into_owned(),
                batch,
                made,
            });
        }
    }

    fn answers(&mut self, messages: &mut [Message<'_>]) {
        for result in results_of(messages) {
            if let Some(at) = self.open.iter().position(|call| call.id == *result.call_id) {
                self.open.remove(at);
            }
        }
        for result in results_of(messages) {
            if !result.call_id.is_empty() && self.known.contains(&*result.call_id) {
                continue;
            }
            // Some programs make up ids for their answers to calls that had none.
            let nameless = result.call_id.is_empty();
            match self.first_open(result.name.as_deref(), !nameless) {
                Some(call) => result.call_id = call.id.into(),
                None if nameless => {
                    let name = result.name.clone().unwrap_or_default();
                    result.call_id = self.make(&name, "answer").into();
                }
                None => {}
            }
        }
    }

    /// Takes the first open call of this name from the latest batch that has one.
    fn first_open(&mut self, name: Option<&str>, made_only: bool) -> Option<Open> {
        let name = name.unwrap_or_default();
        let fits =
            |call: &Open| (name.is_empty() || call.name == name) && (call.made || !made_only);
        let batch = self
            .open
            .iter()
            .filter(|call| fits(call))
            .map(|call| call.batch)
            .max()?;
        let first = |call: &Open| fits(call) && call.batch == batch;
        let at = self.open.iter().position(first)?;
        Some(self.open.remove(at))
    }

    /// An id that no call has.
    fn make(&mut self, name: &str, arguments: &str) -> String {
        loop {
            self.made += 1;
            let seed = format!("{}\n{name}\n{arguments}", self.made);
            let id = format!("call_{}", digest(&seed, 24));
            if !self.known.contains(&id) {
                return id;
            }
        }
    }
}

fn results_of<'m, 'a>(
    messages: &'m mut [Message<'a>],
) -> impl Iterator<Item = &'m mut CallResult<'a>> {
    let blocks = messages.iter_mut().flat_map(|message| &mut message.blocks);
    blocks.filter_map(|block| match &mut block.body {
        Body::Result(result) => Some(result),
        _ => None,
    })
}
