use std::sync::Arc;

use byokey_wire::Usage;

use crate::Date;

/// What a model costs by its provider's list, in USD. Tokens are priced per million. A member that
/// the source does not have is `None`, never zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// Prompt tokens, USD per million.
    pub input: Option<f64>,
    /// Reply tokens, reasoning included, USD per million.
    pub output: Option<f64>,
    /// Prompt tokens read from the cache, USD per million.
    pub cache_read: Option<f64>,
    /// Prompt tokens written to the cache for five minutes, USD per million.
    pub cache_write: Option<f64>,
    /// Audio in the prompt, USD per million tokens.
    pub audio_input: Option<f64>,
    /// Audio in the reply, USD per million tokens.
    pub audio_output: Option<f64>,
    /// One second of audio, USD.
    pub second: Option<f64>,
    /// One character of text to be spoken, USD.
    pub character: Option<f64>,
    /// One image made, USD.
    pub image: Option<f64>,
    /// Prices that hold for the whole request once its prompt is long.
    pub long: Option<Box<LongPrice>>,
    /// Where the figures come from, such as `litellm 1.109.1`.
    pub source: Arc<str>,
    /// Day on which the source was read.
    pub as_of: Date,
}

/// Prices of a long prompt; members as in [`Price`].
#[derive(Clone, Debug, PartialEq)]
pub struct LongPrice {
    /// Prompt tokens above which these prices hold.
    pub above: u64,
    /// Prompt tokens, USD per million.
    pub input: Option<f64>,
    /// Reply tokens, USD per million.
    pub output: Option<f64>,
    /// Prompt tokens read from the cache, USD per million.
    pub cache_read: Option<f64>,
    /// Prompt tokens written to the cache, USD per million.
    pub cache_write: Option<f64>,
}

impl Price {
    /// List price in USD of what is not counted in tokens; `None` when nothing of it was counted or
    /// has a price.
    pub fn of_units(
        &self,
        characters: Option<u64>,
        seconds: Option<f64>,
        images: Option<u64>,
    ) -> Option<f64> {
        let count = |count: Option<u64>| count.map(|count| count as f64);
        let parts = [
            (count(characters), self.character),
            (seconds, self.second),
            (count(images), self.image),
        ];
        let priced = parts
            .into_iter()
            .filter_map(|(count, price)| Some(count? * price?));
        priced.reduce(|sum, part| sum + part)
    }

    /// List price of one request in USD. Cached parts are counted at their own price where there is
    /// one and as plain prompt otherwise; what the provider did not report costs nothing. For a
    /// subscription this is an equivalent, not money spent.
    pub fn estimate(&self, usage: &Usage) -> f64 {
        let prompt = usage.input.unwrap_or(0);
        let long = self.long.as_deref().filter(|long| prompt > long.above);
        let pick =
            |plain: Option<f64>, long_price: Option<Option<f64>>| long_price.flatten().or(plain);
        let input = pick(self.input, long.map(|l| l.input)).unwrap_or(0.0);
        let output = pick(self.output, long.map(|l| l.output)).unwrap_or(0.0);
        let read = pick(self.cache_read, long.map(|l| l.cache_read)).unwrap_or(input);
        let write = pick(self.cache_write, long.map(|l| l.cache_write)).unwrap_or(input);
        let cache_read = usage.cache_read.unwrap_or(0);
        let cache_write = usage.cache_write.unwrap_or(0);
        let fresh = prompt
            .saturating_sub(cache_read)
            .saturating_sub(cache_write);
        let parts = [
            (fresh, input),
            (cache_read, read),
            (cache_write, write),
            (usage.output.unwrap_or(0), output),
        ];
        parts
            .iter()
            .map(|&(tokens, price)| tokens as f64 * price)
            .sum::<f64>()
            / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price {
            input: Some(2.0),
            output: Some(10.0),
            cache_read: Some(0.2),
            cache_write: Some(2.5),
            audio_input: None,
            audio_output: None,
            second: None,
            character: None,
            image: None,
            long: Some(Box::new(LongPrice {
                above: 200_000,
                input: Some(4.0),
                output: Some(15.0),
                cache_read: None,
                cache_write: None,
            })),
            source: "test".into(),
            as_of: Date::parse("2026-11-21").unwrap(),
        }
    }

    fn close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-12, "{left} {right}");
    }

    #[test]
    fn counts_cached_parts_once_and_apart() {
        let usage = Usage {
            input: Some(1_000),
            cache_read: Some(600),
            cache_write: Some(100),
            output: Some(50),
            reasoning: Some(40),
        };
        close(
            price().estimate(&usage),
            (300.0 * 2.0 + 600.0 * 0.2 + 100.0 * 2.5 + 50.0 * 10.0) / 1e6,
        );
    }

    #[test]
    fn cache_without_own_price_costs_like_prompt() {
        let mut price = price();
        price.cache_read = None;
        let usage = Usage {
            input: Some(1_000),
            cache_read: Some(600),
            ..Usage::default()
        };
        close(price.estimate(&usage), 0.002);
    }

    #[test]
    fn long_prompts_take_the_long_price_where_it_has_one() {
        let usage = Usage {
            input: Some(200_001),
            cache_read: Some(1),
            output: Some(1),
            ..Usage::default()
        };
        close(
            price().estimate(&usage),
            (200_000.0 * 4.0 + 0.2 + 15.0) / 1e6,
        );
        let short = Usage {
            input: Some(200_000),
            ..Usage::default()
        };
        close(price().estimate(&short), 0.4);
    }

    #[test]
    fn silence_costs_nothing_and_odd_counts_do_not_overflow() {
        close(price().estimate(&Usage::default()), 0.0);
        let odd = Usage {
            input: Some(1),
            cache_read: Some(u64::MAX),
            ..Usage::default()
        };
        assert!(price().estimate(&odd).is_finite());
    }
}
