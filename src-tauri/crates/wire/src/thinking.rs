//! How hard a model is told to think: levels, token budgets, and the way between them.
//!
//! Callers speak in levels or in tokens, models take one, the other or both, each within a range.
//! What fits is passed on; what does not becomes the nearest thing the model takes, and the ledger
//! says so. A caller that says nothing gets nothing: no default is ever put in.

use crate::{Action, Effort, Fault, FaultKind, Reasoning, ThinkingSupport};

/// What a provider is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Do not think.
    Off,
    /// This level.
    Level(Effort),
    /// At most this many tokens.
    Budget(u64),
    /// Decide yourself.
    Dynamic,
}

impl Setting {
    /// The level that says it, for dialects that know levels alone.
    pub(crate) fn level(self) -> Effort {
        match self {
            Self::Off => Effort::None,
            Self::Level(effort) => effort,
            Self::Budget(tokens) => level_of(tokens),
            Self::Dynamic => Effort::Medium,
        }
    }
}

/// A setting and what it cost to get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steered {
    /// What to tell the provider; `None` when the model has no reasoning to steer.
    pub(crate) setting: Option<Setting>,
    /// How the wish was bent, if it was.
    pub(crate) loss: Option<Action>,
}

/// Reads the suffix of a model name, `model(high)` or `model(8192)`, without its brackets.
pub fn read_suffix(suffix: &str) -> Option<Reasoning> {
    let effort = match suffix {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::Xhigh,
        "max" => Effort::Max,
        "auto" | "-1" => return Some(Reasoning::Auto),
        number => return number.parse().ok().map(Reasoning::Budget),
    };
    Some(Reasoning::Effort(effort))
}

/// What counts when the model's name carries a wish as well as the body: the name.
///
/// # Errors
/// [`FaultKind::BadRequest`] with code `unsupported_reasoning_level` when the name asks a model that
/// knows levels only for one beyond those it has. A level in the body is bent instead.
pub fn resolve_reasoning(
    body: Option<Reasoning>,
    suffix: Option<Reasoning>,
    support: Option<&ThinkingSupport>,
) -> Result<Option<Reasoning>, Fault> {
    if let (Some(Reasoning::Effort(effort)), Some(support)) = (suffix, support) {
        let levels = listed(support);
        let beyond = match (levels.first(), levels.last()) {
            (Some(lowest), Some(highest)) => effort < *lowest || effort > *highest,
            _ => false,
        };
        if beyond && effort != Effort::None && support.budget.is_none() {
            let mut fault = Fault::new(
                FaultKind::BadRequest,
                "the model does not have the reasoning level that its name asks for",
            );
            fault.code = Some("unsupported_reasoning_level".to_owned());
            fault.param = Some("model".to_owned());
            return Err(fault);
        }
    }
    Ok(suffix.or(body))
}

/// The nearest thing to `wanted` that the model takes; all of it when the model is unknown.
pub(crate) fn steer(wanted: Reasoning, support: Option<&ThinkingSupport>) -> Steered {
    let Some(support) = support else {
        return exact(match wanted {
            Reasoning::Effort(Effort::None) | Reasoning::Budget(0) => Setting::Off,
            Reasoning::Effort(effort) => Setting::Level(effort),
            Reasoning::Budget(tokens) => Setting::Budget(tokens),
            Reasoning::Auto => Setting::Dynamic,
        });
    };
    let levels = listed(support);
    let off = matches!(
        wanted,
        Reasoning::Effort(Effort::None) | Reasoning::Budget(0)
    );
    if levels.is_empty() && support.budget.is_none() {
        let loss = (!off).then_some(Action::Dropped);
        return Steered {
            setting: None,
            loss,
        };
    }
    match wanted {
        _ if off && (support.zero_ok || support.levels.contains(&Effort::None)) => {
            exact(Setting::Off)
        }
        _ if off => match (levels.first(), support.budget) {
            (Some(lowest), _) => bent(Setting::Level(*lowest), Action::Approximated),
            (None, budget) => bent(
                Setting::Budget(budget.map_or(0, |(min, _)| min)),
                Action::Clamped,
            ),
        },
        Reasoning::Auto if support.dynamic_ok || support.adaptive => exact(Setting::Dynamic),
        Reasoning::Auto => {
            let medium = steer(Reasoning::Effort(Effort::Medium), Some(support));
            Steered {
                loss: Some(Action::Approximated),
                ..medium
            }
        }
        Reasoning::Effort(effort) => by_level(effort, &levels, support),
        Reasoning::Budget(tokens) => match support.budget {
            Some(range) => by_number(tokens, range),
            None => by_level(level_of(tokens), &levels, support),
        },
    }
}

/// The level that comes nearest to a token budget.
pub(crate) fn level_of(tokens: u64) -> Effort {
    match tokens {
        0 => Effort::None,
        1..=512 => Effort::Minimal,
        513..=1024 => Effort::Low,
        1025..=8192 => Effort::Medium,
        8193..=24576 => Effort::High,
        _ => Effort::Xhigh,
    }
}

/// The token budget that stands for a level.
pub(crate) fn tokens_of(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal => 512,
        Effort::Low => 1024,
        Effort::Medium => 8192,
        Effort::High => 24576,
        Effort::Xhigh => 32768,
        Effort::Max => 128_000,
    }
}

/// The levels above "none" that the model takes, lowest first. An adaptive model takes at least the
/// three that every adaptive model has.
fn listed(support: &ThinkingSupport) -> Vec<Effort> {
    let mut levels: Vec<Effort> = support
        .levels
        .iter()
        .copied()
        .filter(|level| *level != Effort::None)
        .collect();
    if levels.is_empty() && support.adaptive {
        levels = vec![Effort::Low, Effort::Medium, Effort::High];
    }
    levels.sort_unstable();
    levels
}

fn by_level(effort: Effort, levels: &[Effort], support: &ThinkingSupport) -> Steered {
    if levels.contains(&effort) {
        return exact(Setting::Level(effort));
    }
    // On adaptive models everything beyond the list means "high", not the next best word.
    if support.adaptive && effort > Effort::High && levels.contains(&Effort::High) {
        return bent(Setting::Level(Effort::High), Action::Approximated);
    }
    let rank = |level: &Effort| (*level as i32 - effort as i32).abs();
    // The first of several nearest ones is the lowest.
    match levels.iter().min_by_key(|level| rank(level)) {
        Some(nearest) => bent(Setting::Level(*nearest), Action::Approximated),
        None => by_number(tokens_of(effort), support.budget.unwrap_or((0, u64::MAX))),
    }
}

fn by_number(tokens: u64, (min, max): (u64, u64)) -> Steered {
    let clamped = tokens.min(max).max(min);
    let loss = (clamped != tokens).then_some(Action::Clamped);
    Steered {
        setting: Some(Setting::Budget(clamped)),
        loss,
    }
}

fn exact(setting: Setting) -> Steered {
    Steered {
        setting: Some(setting),
        loss: None,
    }
}

fn bent(setting: Setting, loss: Action) -> Steered {
    Steered {
        setting: Some(setting),
        loss: Some(loss),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Effort::{High, Low, Max, Medium, Minimal, Xhigh};

    fn model(budget: Option<(u64, u64)>, levels: &[Effort]) -> ThinkingSupport {
        ThinkingSupport {
            budget,
            levels: levels.to_vec(),
            ..ThinkingSupport::default()
        }
    }

    /// The five shapes of models that exist.
    fn shapes() -> [ThinkingSupport; 5] {
        [
            model(None, &[Minimal, Low, Medium, High]),
            model(None, &[Low, High]),
            ThinkingSupport {
                dynamic_ok: true,
                ..model(Some((128, 20_000)), &[])
            },
            ThinkingSupport {
                zero_ok: true,
                ..model(Some((1024, 128_000)), &[])
            },
            ThinkingSupport {
                dynamic_ok: true,
                ..model(Some((128, 32_768)), &[Low, High])
            },
        ]
    }

    fn check(wanted: Reasoning, expected: [Setting; 5]) {
        for (shape, expected) in shapes().iter().zip(expected) {
            let steered = steer(wanted, Some(shape));
            assert_eq!(steered.setting, Some(expected), "{wanted:?} on {shape:?}");
        }
    }

    #[test]
    fn every_wish_on_every_shape() {
        use Setting::{Budget, Dynamic, Level, Off};
        let effort = Reasoning::Effort;
        check(
            effort(Effort::None),
            [Level(Minimal), Level(Low), Budget(128), Off, Level(Low)],
        );
        check(
            Reasoning::Budget(0),
            [Level(Minimal), Level(Low), Budget(128), Off, Level(Low)],
        );
        check(
            Reasoning::Auto,
            [Level(Medium), Level(Low), Dynamic, Budget(8192), Dynamic],
        );
        check(
            effort(Medium),
            [
                Level(Medium),
                Level(Low),
                Budget(8192),
                Budget(8192),
                Level(Low),
            ],
        );
        check(
            effort(Xhigh),
            [
                Level(High),
                Level(High),
                Budget(20_000),
                Budget(32_768),
                Level(High),
            ],
        );
        check(
            Reasoning::Budget(8192),
            [
                Level(Medium),
                Level(Low),
                Budget(8192),
                Budget(8192),
                Budget(8192),
            ],
        );
        check(
            Reasoning::Budget(64_000),
            [
                Level(High),
                Level(High),
                Budget(20_000),
                Budget(64_000),
                Budget(32_768),
            ],
        );
        check(
            Reasoning::Budget(200_000),
            [
                Level(High),
                Level(High),
                Budget(20_000),
                Budget(128_000),
                Budget(32_768),
            ],
        );
        check(
            Reasoning::Budget(1),
            [
                Level(Minimal),
                Level(Low),
                Budget(128),
                Budget(1024),
                Budget(128),
            ],
        );
    }

    #[test]
    fn what_does_not_fit_is_recorded() {
        let [l, s, b, k, m] = shapes();
        let loss = |wanted, shape: &ThinkingSupport| steer(wanted, Some(shape)).loss;
        let xhigh = Reasoning::Effort(Xhigh);
        assert_eq!(loss(xhigh, &l), Some(Action::Approximated));
        assert_eq!(loss(xhigh, &s), Some(Action::Approximated));
        assert_eq!(loss(xhigh, &b), Some(Action::Clamped));
        assert_eq!(loss(xhigh, &k), None);
        assert_eq!(loss(xhigh, &m), Some(Action::Approximated));
        assert_eq!(loss(Reasoning::Budget(8192), &l), None);
        assert_eq!(loss(Reasoning::Budget(1), &k), Some(Action::Clamped));
        assert_eq!(
            loss(xhigh, &ThinkingSupport::default()),
            Some(Action::Dropped)
        );
    }

    #[test]
    fn adaptive_models_and_unknown_ones() {
        let adaptive = |levels: &[Effort]| ThinkingSupport {
            adaptive: true,
            ..model(None, levels)
        };
        let on = |effort, levels: &[Effort]| {
            steer(Reasoning::Effort(effort), Some(&adaptive(levels))).setting
        };
        assert_eq!(on(Minimal, &[]), Some(Setting::Level(Low)));
        assert_eq!(on(Xhigh, &[Low, Medium, High]), Some(Setting::Level(High)));
        assert_eq!(
            on(Max, &[Low, Medium, High, Xhigh]),
            Some(Setting::Level(High))
        );
        assert_eq!(
            on(Max, &[Low, Medium, High, Max]),
            Some(Setting::Level(Max))
        );
        assert_eq!(
            steer(Reasoning::Budget(64_000), None),
            exact(Setting::Budget(64_000))
        );
        assert_eq!(level_of(64_000), Xhigh);
    }

    #[test]
    fn the_name_beats_the_body() {
        let [l, s, b, k, m] = shapes();
        let body = Some(Reasoning::Effort(Low));
        for shape in [&l, &s] {
            let fault = resolve_reasoning(body, read_suffix("xhigh"), Some(shape)).unwrap_err();
            assert_eq!(fault.code.as_deref(), Some("unsupported_reasoning_level"));
        }
        for shape in [&b, &k, &m] {
            let wanted = resolve_reasoning(body, read_suffix("xhigh"), Some(shape)).unwrap();
            assert_eq!(wanted, Some(Reasoning::Effort(Xhigh)));
        }
        assert_eq!(
            resolve_reasoning(body, read_suffix("none"), Some(&l)).unwrap(),
            read_suffix("none")
        );
        assert_eq!(resolve_reasoning(body, None, Some(&l)).unwrap(), body);
        assert_eq!(read_suffix("8192"), Some(Reasoning::Budget(8192)));
        assert_eq!(read_suffix("-1"), Some(Reasoning::Auto));
        assert_eq!(read_suffix("-2"), None);
        assert_eq!(read_suffix("preview"), None);
    }
}
