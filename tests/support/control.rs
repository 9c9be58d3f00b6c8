//! Control words: how an unmodified client tells a simulated provider what to do.

use std::time::Duration;

/// The behaviour asked for by `[[sim …]]` in the last user message that has text. Several words
/// may stand in one pair of brackets or in several; unknown words are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// `parallel`: calls two tools at once.
    pub parallel: bool,
    /// `group=NAME`: calls only tools that stand in the group of this name.
    pub group: Option<String>,
    /// `ids`: gives calls an id where the dialect leaves it open.
    pub ids: bool,
    /// `think`: shows reasoning before the answer.
    pub think: bool,
    /// `image`: says for each image its media type and size, or that there is none.
    pub image: bool,
    /// `status=N`: answers with this status and the provider's error body.
    pub status: Option<u16>,
    /// `retry_after=N`: seconds in a `retry-after` header.
    pub retry_after: Option<u64>,
    /// `html`: answers a web page, as a broken load balancer does (with `status`, else 200).
    pub html: bool,
    /// `half`: a complete reply that holds half a JSON.
    pub half: bool,
    /// `cut=N`: drops the connection after N frames (without a number after 1).
    pub cut: Option<usize>,
    /// `end=N`: ends the stream in good order after N frames, without the terminal event.
    pub end: Option<usize>,
    /// `stall=N`: goes quiet after N frames, connection open (without a number after 2).
    pub stall: Option<usize>,
    /// `silent`: takes the request and never answers.
    pub silent: bool,
    /// `chunks=N`: a text of N pieces.
    pub chunks: Option<usize>,
    /// `delay_ms=N`: a pause before each frame.
    pub delay: Option<Duration>,
    /// `error_in_stream`: an error event after the first text piece of a 200 stream.
    pub error_in_stream: bool,
    /// `length`: stops for want of output tokens.
    pub length: bool,
    /// `refusal`: declines to answer.
    pub refusal: bool,
    /// `big=N`: a text of N bytes.
    pub big: Option<usize>,
}

const OPEN: &str = "[[sim";
const CLOSE: &str = "]]";

impl Control {
    /// Reads the control words of a message and returns the message without them.
    #[must_use]
    pub fn take(message: &str) -> (Self, String) {
        let mut control = Self::default();
        let mut rest = message;
        let mut plain = String::new();
        while let Some(start) = rest.find(OPEN) {
            let inside = &rest[start + OPEN.len()..];
            let Some(end) = inside.find(CLOSE) else { break };
            inside[..end]
                .split_whitespace()
                .for_each(|word| control.word(word));
            plain.push_str(&rest[..start]);
            rest = &inside[end + CLOSE.len()..];
        }
        plain.push_str(rest);
        (control, plain.trim().to_owned())
    }

    fn word(&mut self, word: &str) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<usize>().ok();
        match name {
            "parallel" => self.parallel = true,
            "group" => self.group = Some(value.to_owned()),
            "ids" => self.ids = true,
            "think" => self.think = true,
            "image" => self.image = true,
            "status" => self.status = value.parse().ok(),
            "retry_after" => self.retry_after = value.parse().ok(),
            "html" => self.html = true,
            "half" => self.half = true,
            "cut" => self.cut = number().or(Some(1)),
            "end" => self.end = number().or(Some(1)),
            "stall" => self.stall = number().or(Some(2)),
            "silent" => self.silent = true,
            "chunks" => self.chunks = number(),
            "delay_ms" => self.delay = value.parse().ok().map(Duration::from_millis),
            "error_in_stream" => self.error_in_stream = true,
            "length" => self.length = true,
            "refusal" => self.refusal = true,
            "big" => self.big = number(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_removed() {
        let (control, text) =
            Control::take("say [[sim think status=429]] hi [[sim retry_after=7]]");
        assert_eq!(text, "say  hi");
        assert!(control.think);
        assert_eq!((control.status, control.retry_after), (Some(429), Some(7)));
    }

    #[test]
    fn an_open_bracket_and_an_unknown_word_change_nothing() {
        let (control, text) = Control::take("[[sim nonsense]] [[sim think");
        assert_eq!(control, Control::default());
        assert_eq!(text, "[[sim think");
    }
}
