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

/// The plan for a pair of dialects, or `None` where byokey cannot translate that pair: nobody asks
/// in Kiro's dialect.
pub fn plan(caller: Dialect, upstream: Dialect) -> Option<Plan> {
    match caller {
        Dialect::Kiro => None,
        caller if caller == upstream => Some(Plan::Pass),
        _ => Some(Plan::Via),
    }
}
