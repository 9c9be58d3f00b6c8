//! Token counts as the dialects report them.
//!
//! Every count is read on its own: one that is missing or odd costs the others nothing, and what a
//! provider did not say stays unknown.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{Dialect, Usage, json::Text};

/// The members of usage objects of all dialects, as last reported. Streams report some members
/// early and some late, and what byokey wants are sums, so they are kept apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// `prompt_tokens`, `input_tokens`, `promptTokenCount`, `uncachedInputTokens`.
    prompt: Option<u64>,
    /// `completion_tokens`, `output_tokens`, `candidatesTokenCount`, `outputTokens`.
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
    /// Prompt tokens that Gemini counts apart.
    tool_prompt: Option<u64>,
}

impl Counts {
    /// Takes over what the JSON of a usage member says; nothing where it cannot be read.
    pub(crate) fn read(&mut self, raw: &str) {
        // A fault in the middle leaves what was read before it.
        let mut reader = serde_json::Deserializer::from_str(raw);
        let _ = self.deserialize(&mut reader);
    }

    /// The sums, in byokey's convention.
    pub(crate) fn usage(&self, dialect: Dialect) -> Usage {
        let plus = |one: Option<u64>, other: Option<u64>| one?.checked_add(other.unwrap_or(0));
        let mut usage = Usage {
            input: self.prompt,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            output: self.output,
            reasoning: self.reasoning,
        };
        match dialect {
            Dialect::Messages | Dialect::Kiro => {
                usage.input = plus(plus(self.prompt, self.cache_read), self.cache_write);
            }
            Dialect::Gemini => {
                usage.input = plus(self.prompt, self.tool_prompt);
                // Google leaves out what is zero.
                let some = self.prompt.or(self.output).or(self.reasoning);
                let output = some.map(|_| self.output.unwrap_or(0));
                usage.output = plus(output, self.reasoning);
            }
            Dialect::Chat | Dialect::Responses => {}
        }
        usage
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<u64>> {
        Some(match key {
            "prompt_tokens" | "input_tokens" | "promptTokenCount" | "uncachedInputTokens" => {
                &mut self.prompt
            }
            "completion_tokens" | "output_tokens" | "candidatesTokenCount" | "outputTokens" => {
                &mut self.output
            }
            "cached_tokens"
            | "prompt_cache_hit_tokens"
            | "cache_read_input_tokens"
            | "cachedContentTokenCount"
            | "cacheReadInputTokens" => &mut self.cache_read,
            "cache_write_tokens" | "cache_creation_input_tokens" | "cacheWriteInputTokens" => {
                &mut self.cache_write
            }
            "reasoning_tokens" | "thinking_tokens" | "thoughtsTokenCount" => &mut self.reasoning,
            "toolUsePromptTokenCount" => &mut self.tool_prompt,
            _ => return None,
        })
    }
}

impl<'de> DeserializeSeed<'de> for &mut Counts {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Counts {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'_>>()? {
            match &*key {
                "prompt_tokens_details"
                | "input_tokens_details"
                | "completion_tokens_details"
                | "output_tokens_details" => map.next_value_seed(&mut *self)?,
                key => match self.slot(key) {
                    Some(slot) => {
                        if let Count(Some(count)) = map.next_value()? {
                            *slot = Some(count);
                        }
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A count, or anything else in its place.
struct Count(Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?.get();
        let whole = raw.strip_suffix(".0").unwrap_or(raw);
        Ok(Self(whole.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(dialect: Dialect, reports: &[&str]) -> [Option<u64>; 5] {
        let mut counts = Counts::default();
        for report in reports {
            counts.read(report);
        }
        let usage = counts.usage(dialect);
        [
            usage.input,
            usage.cache_read,
            usage.cache_write,
            usage.output,
            usage.reasoning,
        ]
    }

    #[test]
    fn each_dialect_in_one_convention() {
        type Case = (Dialect, &'static [&'static str], [Option<u64>; 5]);
        let cases: &[Case] = &[
            (
                Dialect::Chat,
                &[
                    r#"{"prompt_tokens":22044,"completion_tokens":4,"total_tokens":22048,
                    "prompt_tokens_details":{"cached_tokens":22000,"cache_write_tokens":31,"audio_tokens":0},
                    "completion_tokens_details":{"reasoning_tokens":2}}"#,
                ],
                [Some(22044), Some(22000), Some(31), Some(4), Some(2)],
            ),
            (
                Dialect::Chat,
                &[
                    r#"{"prompt_tokens":7,"completion_tokens":3.0,"prompt_tokens_details":null,"prompt_cache_hit_tokens":5}"#,
                ],
                [Some(7), Some(5), None, Some(3), None],
            ),
            (
                Dialect::Messages,
                &[
                    r#"{"input_tokens":13,"output_tokens":1,"cache_read_input_tokens":100,"cache_creation_input_tokens":7}"#,
                    r#"{"output_tokens":4,"cache_read_input_tokens":22000,"cache_creation_input_tokens":31}"#,
                ],
                [Some(22044), Some(22000), Some(31), Some(4), None],
            ),
            (
                Dialect::Messages,
                &[r#"{"output_tokens":4,"output_tokens_details":{"thinking_tokens":3}}"#],
                [None, None, None, Some(4), Some(3)],
            ),
            (
                Dialect::Responses,
                &[
                    r#"{"input_tokens":5,"input_tokens_details":{"cached_tokens":0},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":1}}"#,
                ],
                [Some(5), Some(0), None, Some(6), Some(1)],
            ),
            (
                Dialect::Kiro,
                &[
                    r#"{"uncachedInputTokens":13,"outputTokens":4,"totalTokens":117,"cacheReadInputTokens":100}"#,
                ],
                [Some(113), Some(100), None, Some(4), None],
            ),
            (
                Dialect::Gemini,
                &[r#"{"promptTokenCount":16,"thoughtsTokenCount":42,"totalTokenCount":58}"#],
                [Some(16), None, None, Some(42), Some(42)],
            ),
            (
                Dialect::Gemini,
                &[
                    r#"{"promptTokenCount":1,"toolUsePromptTokenCount":2,"candidatesTokenCount":3,"thoughtsTokenCount":4,"cachedContentTokenCount":1}"#,
                ],
                [Some(3), Some(1), None, Some(7), Some(4)],
            ),
            (
                Dialect::Gemini,
                &[r#"{"promptTokenCount":1}"#],
                [Some(1), None, None, Some(0), None],
            ),
        ];
        for (dialect, reports, expected) in cases {
            assert_eq!(usage(*dialect, reports), *expected, "{reports:?}");
        }
    }

    #[test]
    fn odd_counts_are_unknown() {
        for report in [
            "null",
            "7",
            "[1]",
            "\"x\"",
            "{",
            "{}",
            "",
            r#"{"prompt_tokens":-1,"completion_tokens":"4"}"#,
            r#"{"prompt_tokens":1e99,"completion_tokens":{"a":[]},"prompt_tokens_details":7}"#,
            r#"{"prompt_tokens":99999999999999999999999}"#,
        ] {
            assert_eq!(usage(Dialect::Chat, &[report]), [None; 5], "{report}");
        }
        assert_eq!(
            usage(
                Dialect::Messages,
                &[r#"{"input_tokens":18446744073709551615,"cache_read_input_tokens":1}"#]
            )[0],
            None
        );
        assert_eq!(
            usage(Dialect::Chat, &[r#"{"prompt_tokens":3,"completion_tokens"#])[0],
            Some(3)
        );
    }
}
