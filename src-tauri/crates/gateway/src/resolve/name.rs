//! The wish about reasoning behind a model's name: `model(high)`, `model(8192)`.

use byokey_wire::{Fault, FaultKind, Reasoning, read_suffix};

/// The name without its suffix, and what the suffix asks for. Brackets that hold no such wish belong
/// to the name.
///
/// # Errors
/// When the suffix is a number that no budget can be.
pub(super) fn suffix(name: &str) -> Result<(&str, Option<Reasoning>), Fault> {
    let Some((model, word)) = split(name) else {
        return Ok((name, None));
    };
    match read_suffix(word) {
        Some(wish) => Ok((model, Some(wish))),
        None if is_number(word) => {
            let mut fault = Fault::new(
                FaultKind::BadRequest,
                "the number behind the model's name must be a token budget, or -1 to let the model \
                 decide",
            );
            fault.code = Some("unsupported_reasoning_level".to_owned());
            fault.param = Some("model".to_owned());
            Err(fault)
        }
        None => Ok((name, None)),
    }
}

/// The name without its suffix, for comparing it with lists of names.
pub(crate) fn plain(name: &str) -> &str {
    suffix(name).map_or(name, |(model, _)| model)
}

fn split(name: &str) -> Option<(&str, &str)> {
    let (model, word) = name.strip_suffix(')')?.rsplit_once('(')?;
    (!model.is_empty()).then_some((model, word))
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use byokey_wire::Effort;

    use super::*;

    #[test]
    fn only_wishes_are_taken_off() {
        for (name, model, wish) in [
            ("m(high)", "m", Some(Reasoning::Effort(Effort::High))),
            ("p/a/m(8192)", "p/a/m", Some(Reasoning::Budget(8192))),
            ("m(-1)", "m", Some(Reasoning::Auto)),
            ("m(0)", "m", Some(Reasoning::Budget(0))),
            ("m", "m", None),
            ("m(free)", "m(free)", None),
            ("m(high", "m(high", None),
            ("(high)", "(high)", None),
            ("m()", "m()", None),
            ("m(x)(low)", "m(x)", Some(Reasoning::Effort(Effort::Low))),
        ] {
            assert_eq!(suffix(name).unwrap(), (model, wish), "{name}");
            assert_eq!(plain(name), model);
        }
        for name in ["m(-2)", "m(99999999999999999999999)"] {
            assert!(suffix(name).is_err(), "{name}");
        }
    }
}
