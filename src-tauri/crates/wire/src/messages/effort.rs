//! Decides how a Claude model is told to think, and what that forbids elsewhere in the request.

use crate::thinking::{Setting, steer, tokens_of};
use crate::{Action, Body, Capabilities, Ledger, Reason, Reasoning, Role, ToolChoice, Turn, Words};

/// Room for the answer behind a thinking budget.
const ANSWER: u64 = 4096;
/// Smallest budget that Anthropic takes.
const MIN_BUDGET: u64 = 1024;
/// Output limit where neither the caller nor the catalogue names one.
const DEFAULT_OUTPUT: u64 = 32_000;

/// The `thinking` member of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Disabled,
    Adaptive,
    Enabled { budget: u64 },
}

/// What a request says about thinking and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) mode: Option<Mode>,
    /// `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    pub(super) max_tokens: u64,
}

/// What the rules on thinking look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) reasoning: Option<Reasoning>,
    pub(super) max_output: Option<u64>,
    /// Whether a tool must be called.
    pub(super) forced: bool,
    /// Whether results are given to calls that were made without reasoning.
    pub(super) unproven_loop: bool,
    pub(super) words: Words,
}

impl Wish {
    /// What a translated request wishes.
    pub(super) fn of(turn: &Turn<'_>) -> Self {
        let must = matches!(
            turn.tool_choice,
            Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed(_, true))
        );
        Self {
            reasoning: turn.reasoning,
            max_output: turn.max_output,
            forced: must && !turn.tools.is_empty(),
            unproven_loop: in_unproven_loop(turn),
            words: turn.words,
        }
    }
}

impl Plan {
    /// Whether the model will think, with the restrictions that brings.
    pub(super) fn thinks(&self) -> bool {
        matches!(self.mode, Some(Mode::Adaptive | Mode::Enabled { .. }))
    }

    /// The plan for a request.
    pub(super) fn of(wish: &Wish, caps: &Capabilities, ledger: &mut Ledger) -> Self {
        let mut plan = Self {
            mode: None,
            effort: None,
            max_tokens: max_tokens(wish, caps, ledger),
        };
        let Some(reasoning) = wish.reasoning else {
            return plan;
        };
        plan.steer(reasoning, wish, caps, ledger);
        if let Some(Mode::Enabled { budget }) = plan.mode {
            plan.make_room(budget, wish, caps, ledger);
        }
        if plan.thinks() && wish.forced {
            plan.give_up(Reason::Limit, wish, ledger);
        }
        if matches!(plan.mode, Some(Mode::Enabled { .. })) && wish.unproven_loop {
            plan.give_up(Reason::InvalidHistory, wish, ledger);
        }
        plan
    }

    fn steer(
        &mut self,
        reasoning: Reasoning,
        wish: &Wish,
        caps: &Capabilities,
        ledger: &mut Ledger,
    ) {
        let support = caps.thinking.as_ref();
        let steered = steer(reasoning, support);
        if let Some(action) = steered.loss {
            ledger.note(wish.words.reasoning, action, Reason::ModelCapability);
        }
        // A model that no list knows is taken for a current one, and those are adaptive.
        let adaptive = support.is_none_or(|support| support.adaptive);
        let range = support.and_then(|support| support.budget);
        match steered.setting {
            None => {}
            Some(Setting::Off) => self.mode = Some(Mode::Disabled),
            Some(Setting::Budget(0)) => {}
            Some(Setting::Budget(budget)) => self.mode = Some(Mode::Enabled { budget }),
            Some(Setting::Dynamic) if adaptive => self.mode = Some(Mode::Adaptive),
            Some(Setting::Dynamic) => {
                self.mode = range.map(|range| within(tokens_of(crate::Effort::Medium), range));
            }
            Some(Setting::Level(level)) => {
                let word = effort(level);
                match (adaptive, range) {
                    (true, _) => (self.mode, self.effort) = (Some(Mode::Adaptive), Some(word)),
                    (false, Some(range)) => self.mode = Some(within(tokens_of(level), range)),
                    (false, None) => self.effort = Some(word),
                }
            }
        }
    }

    /// The budget must leave room for the answer: first the limit is raised, then the budget cut.
    fn make_room(&mut self, budget: u64, wish: &Wish, caps: &Capabilities, ledger: &mut Ledger) {
        let words = wish.words;
        let mut budget = budget.max(MIN_BUDGET);
        let wanted = budget
            .saturating_add(ANSWER)
            .min(caps.max_output.unwrap_or(u64::MAX));
        if self.max_tokens < wanted {
            self.max_tokens = wanted;
            if wish.max_output.is_some() {
                ledger.note(words.max_output, Action::Approximated, Reason::Limit);
            }
        }
        if budget >= self.max_tokens {
            budget = self.max_tokens.saturating_sub(ANSWER).max(MIN_BUDGET);
            ledger.note(words.reasoning, Action::Clamped, Reason::Limit);
        }
        self.mode = Some(Mode::Enabled { budget });
        if budget >= self.max_tokens {
            self.give_up(Reason::Limit, wish, ledger);
        }
    }

    fn give_up(&mut self, reason: Reason, wish: &Wish, ledger: &mut Ledger) {
        ledger.note(wish.words.reasoning, Action::Dropped, reason);
        (self.mode, self.effort) = (None, None);
    }
}

fn max_tokens(wish: &Wish, caps: &Capabilities, ledger: &mut Ledger) -> u64 {
    let most = caps.max_output.unwrap_or(u64::MAX);
    match wish.max_output {
        Some(wanted) if wanted > most => {
            ledger.note(wish.words.max_output, Action::Clamped, Reason::Limit);
            most
        }
        Some(wanted) => wanted,
        None => most.min(DEFAULT_OUTPUT),
    }
}

fn within(tokens: u64, (min, max): (u64, u64)) -> Mode {
    Mode::Enabled {
        budget: tokens.min(max).max(min),
    }
}

fn effort(level: crate::Effort) -> &'static str {
    use crate::Effort;
    match level {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Xhigh => "xhigh",
        Effort::Max => "max",
    }
}

/// Whether the request answers calls of a turn whose reasoning is not there any more: with a budget,
/// Anthropic refuses to go on thinking in the middle of such a loop.
fn in_unproven_loop(turn: &Turn<'_>) -> bool {
    let Some((last, before)) = turn.messages.split_last() else {
        return false;
    };
    let answers = last.role == Role::User
        && last
            .blocks
            .iter()
            .any(|block| matches!(block.body, Body::Result(_)));
    let made = before
        .iter()
        .rfind(|message| message.role == Role::Assistant);
    answers
        && made.is_some_and(|message| {
            !matches!(
                message.blocks.first().map(|block| &block.body),
                Some(Body::Thinking(_))
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Effort, ThinkingSupport};

    fn plan(turn: &Turn<'_>, caps: &Capabilities) -> (Plan, Vec<String>) {
        let mut ledger = Ledger::default();
        let plan = Plan::of(&Wish::of(turn), caps, &mut ledger);
        let losses = ledger
            .entries()
            .iter()
            .map(|loss| format!("{}={:?}", loss.path, loss.action));
        (plan, losses.collect())
    }

    fn budgeted(max_output: Option<u64>) -> Capabilities {
        Capabilities {
            max_output,
            thinking: Some(ThinkingSupport {
                budget: Some((1024, 128_000)),
                zero_ok: true,
                ..ThinkingSupport::default()
            }),
            ..Capabilities::default()
        }
    }

    fn turn(reasoning: Reasoning, max_output: Option<u64>) -> Turn<'static> {
        Turn {
            reasoning: Some(reasoning),
            max_output,
            ..Turn::default()
        }
    }

    #[test]
    fn the_answer_keeps_its_room() {
        let (plan_, losses) = plan(
            &turn(Reasoning::Budget(8192), Some(1000)),
            &budgeted(Some(64_000)),
        );
        assert_eq!(plan_.mode, Some(Mode::Enabled { budget: 8192 }));
        assert_eq!(plan_.max_tokens, 12_288);
        assert_eq!(losses, ["max_tokens=Approximated"]);

        let (plan_, losses) = plan(
            &turn(Reasoning::Effort(Effort::Max), None),
            &budgeted(Some(64_000)),
        );
        assert_eq!(plan_.mode, Some(Mode::Enabled { budget: 59_904 }));
        assert_eq!(plan_.max_tokens, 64_000);
        assert_eq!(losses, ["reasoning_effort=Clamped"]);

        let (plan_, losses) = plan(&turn(Reasoning::Budget(8192), None), &budgeted(Some(1000)));
        assert_eq!((plan_.mode, plan_.max_tokens), (None, 1000));
        assert_eq!(
            losses,
            ["reasoning_effort=Clamped", "reasoning_effort=Dropped"]
        );
    }

    #[test]
    fn limits_follow_caller_and_model() {
        let caps = |max_output| Capabilities {
            max_output,
            ..Capabilities::default()
        };
        let limit = |wanted, most| {
            let turn = Turn {
                max_output: wanted,
                ..Turn::default()
            };
            let (plan, losses) = plan(&turn, &caps(most));
            (plan.max_tokens, losses.len())
        };
        assert_eq!(limit(None, None), (32_000, 0));
        assert_eq!(limit(None, Some(8192)), (8192, 0));
        assert_eq!(limit(Some(4096), Some(8192)), (4096, 0));
        assert_eq!(limit(Some(9000), Some(8192)), (8192, 1));
    }

    #[test]
    fn unknown_models_are_taken_for_adaptive_ones() {
        let unknown = Capabilities::default();
        let (plan_, losses) = plan(&turn(Reasoning::Effort(Effort::Xhigh), None), &unknown);
        assert_eq!(
            (plan_.mode, plan_.effort),
            (Some(Mode::Adaptive), Some("xhigh"))
        );
        assert!(losses.is_empty());
        let (plan_, _) = plan(&turn(Reasoning::Budget(2048), None), &unknown);
        assert_eq!(plan_.mode, Some(Mode::Enabled { budget: 2048 }));
        let (plan_, _) = plan(&turn(Reasoning::Effort(Effort::None), None), &unknown);
        assert_eq!(plan_.mode, Some(Mode::Disabled));
    }
}
