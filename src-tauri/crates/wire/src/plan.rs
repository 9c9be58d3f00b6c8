use serde::{Deserialize, Serialize};

use crate::Dialect;

/// How a request of one dialect reaches a provider that speaks another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// The dialects match: the bytes go through, only the model name is replaced.
    Pass,
    /// The request goes through [`Turn`](crate::Turn), the reply through [`Event`](crate::Event).
    Via,
}

/// The plan for a pair of dialects, or `None` where byokey cannot translate that pair.
pub fn plan(caller: Dialect, upstream: Dialect) -> Option<Plan> {
    if caller == Dialect::Kiro {
        return None;
    }
    if caller == upstream {
        return Some(Plan::Pass);
    }
    let upstream_has = upstream == Dialect::Kiro || has_hub(upstream);
    (has_hub(caller) && upstream_has).then_some(Plan::Via)
}

/// Whether a dialect can be read into and written from the hub.
fn has_hub(dialect: Dialect) -> bool {
    matches!(
        dialect,
        Dialect::Chat | Dialect::Messages | Dialect::Responses
    )
}
