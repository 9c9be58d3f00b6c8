//! Every dialect of a caller against every dialect of a provider, whole and streamed. The scenarios
//! are the same everywhere; what may differ by dialect is said where it is judged.

pub(super) mod caller;
pub(super) mod said;
mod scenarios;
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind};

use byokey_sim::Kind;

use self::{caller::Caller, scenarios::SCENARIOS, stage::Stage};

/// One field of the table, in one of its two ways.
struct Cell<'a> {
    stage: &'a Stage,
    caller: Caller,
    upstream: Kind,
    stream: bool,
}

/// Plays every scenario and tells all that failed, not only the first.
fn play(caller: Caller, upstream: Kind) {
    let stage = Stage::shared();
    let mut failed = Vec::new();
    for (name, scenario) in SCENARIOS {
        for stream in [false, true] {
            let cell = Cell {
                stage: &stage,
                caller,
                upstream,
                stream,
            };
            if catch_unwind(AssertUnwindSafe(|| scenario(&cell))).is_err() {
                failed.push(format!("{name}{}", if stream { ", streamed" } else { "" }));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{caller:?} to {upstream:?}: {}",
        failed.join("; ")
    );
}

/// Makes a test of each field.
macro_rules! table {
    ($($caller:ident => $($name:ident: $upstream:ident),*;)*) => {
        $(
            #[expect(non_snake_case, reason = "named as the dialect is")]
            mod $caller {
                use super::*;

                $(
                    #[test]
                    fn $name() {
                        play(Caller::$caller, Kind::$upstream);
                    }
                )*
            }
        )*
    };
}

table! {
    Chat => to_chat: Chat, to_responses: Responses, to_messages: Messages, to_gemini: Gemini, to_kiro: Kiro;
    Responses => to_chat: Chat, to_responses: Responses, to_messages: Messages, to_gemini: Gemini, to_kiro: Kiro;
    Messages => to_chat: Chat, to_responses: Responses, to_messages: Messages, to_gemini: Gemini, to_kiro: Kiro;
    Gemini => to_chat: Chat, to_responses: Responses, to_messages: Messages, to_gemini: Gemini, to_kiro: Kiro;
}
