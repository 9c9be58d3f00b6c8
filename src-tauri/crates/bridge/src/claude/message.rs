//! The provider's message that is passing by: how it ends decides what becomes of the run.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::tools;
use crate::BridgeTrouble;

/// How a reply ended.
pub(super) enum Ended {
    /// For good: the program has no more to say.
    Done,
    /// With calls of the caller's tools.
    Calls(BTreeSet<String>),
    /// The caller has left.
    Left,
    /// With an error.
    Failed(BridgeTrouble),
    /// The program answered one of the caller's calls itself.
    Astray,
}

/// What is known of the message under way.
#[derive(Default)]
pub(super) struct Message {
    pub(super) has_begun: bool,
    calls: BTreeSet<String>,
    /// Whether a tool was called that is not the caller's; the program answers such a call itself.
    has_foreign_call: bool,
    pub(super) stop: Option<String>,
}

impl Message {
    /// Takes notice of a block, and gives a call the caller's name of its tool.
    pub(super) fn block(&mut self, block: &mut Value) {
        if block["type"] != "tool_use" {
            return;
        }
        let name = block["name"]
            .as_str()
            .and_then(tools::callers_name)
            .map(str::to_owned);
        match (name, block["id"].as_str()) {
            (Some(name), Some(id)) => {
                self.calls.insert(id.to_owned());
                block["name"] = json!(name);
            }
            _ => self.has_foreign_call = true,
        }
    }

    pub(super) fn end(&mut self) -> Ended {
        let goes_on = self.stop.as_deref() == Some("tool_use")
            && !self.calls.is_empty()
            && !self.has_foreign_call;
        if goes_on {
            Ended::Calls(std::mem::take(&mut self.calls))
        } else {
            Ended::Done
        }
    }
}
