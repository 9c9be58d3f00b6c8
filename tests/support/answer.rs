//! The scripted model: the same answer in every dialect, decided by the request alone.

use serde_json::Value;

use crate::{
    ask::{Ask, Cache, Image, Tool, ToolChoice, tokens},
    sample::{self, Hints},
};

/// What the model says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) thinking: Option<String>,
    /// The text in the pieces a stream sends it in.
    pub(crate) text: Vec<String>,
    pub(crate) calls: Vec<Call>,
    pub(crate) stop: Stop,
    pub(crate) usage: Usage,
}

/// One tool call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
    /// What a tool is told that takes free text; its arguments are null.
    pub(crate) input: Option<String>,
    pub(crate) namespace: Option<String>,
}

impl Call {
    /// What the tool is told, as one text.
    pub(crate) fn told(&self) -> String {
        match &self.input {
            Some(input) => input.clone(),
            None => self.arguments.to_string(),
        }
    }
}

/// Why the model stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    End,
    Sequence(String),
    Length,
    Tools,
    Refusal,
}

/// Token counts; `prompt` includes what the cache read and wrote, `output` what was thought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) prompt: u64,
    pub(crate) cache: Cache,
    pub(crate) output: u64,
    pub(crate) thinking: u64,
}

/// The words of every refusal.
pub(crate) const REFUSAL: &str = "I can't help with that.";

const THOUGHTS: &str = "The person wants an answer. Let me find a short one.";

/// Answers a request.
pub(crate) fn answer(ask: &Ask) -> Answer {
    let thinking = ask.thinks.then(|| THOUGHTS.to_owned());
    let mut calls = calls(ask);
    let (mut text, mut stop) = if ask.control.refusal {
        calls.clear();
        (REFUSAL.to_owned(), Stop::Refusal)
    } else if calls.is_empty() {
        (words(ask), Stop::End)
    } else {
        ("Let me look that up.".to_owned(), Stop::Tools)
    };
    if let Some((at, sequence)) = first_stop(&text, &ask.stops).filter(|_| stop == Stop::End) {
        text.truncate(at);
        stop = Stop::Sequence(sequence);
    }
    let limit = ask
        .max_tokens
        .filter(|limit| stop == Stop::End && tokens(text.len()) > *limit);
    if let Some(limit) = limit {
        text.truncate(text.floor_char_boundary(limit as usize * 4));
        stop = Stop::Length;
    }
    if ask.control.length {
        calls.clear();
        stop = Stop::Length;
    }
    let usage = usage(ask, &text, &calls, thinking.as_deref());
    Answer {
        thinking,
        text: pieces(&text, ask),
        calls,
        stop,
        usage,
    }
}

fn calls(ask: &Ask) -> Vec<Call> {
    if ask.results.is_some() || ask.tools.is_empty() || ask.tool_choice == ToolChoice::None {
        return Vec::new();
    }
    let wanted = if ask.control.parallel && ask.parallel {
        2
    } else {
        1
    };
    let group = ask.control.group.as_ref();
    let tools = ask
        .tools
        .iter()
        .filter(|tool| group.is_none() || tool.namespace.as_ref() == group);
    let offered: Vec<_> = match &ask.tool_choice {
        ToolChoice::Named(name) => tools.filter(|tool| tool.name == *name).collect(),
        _ => tools.collect(),
    };
    let rounds = offered
        .iter()
        .cycle()
        .take(if offered.is_empty() { 0 } else { wanted });
    let hints = Hints::of(&ask.text);
    rounds
        .enumerate()
        .map(|(turn, tool)| call(tool, turn, &hints))
        .collect()
}

fn call(tool: &Tool, turn: usize, hints: &Hints<'_>) -> Call {
    let (arguments, input) = if tool.custom {
        // Not JSON, with a line break and quotes, so that escaping once too often shows.
        (
            Value::Null,
            Some(format!("*** patch {turn} ***\n+\"Zürich\"")),
        )
    } else {
        (sample::value(&tool.schema, turn, hints), None)
    };
    Call {
        name: tool.name.clone(),
        arguments,
        input,
        namespace: tool.namespace.clone(),
    }
}

fn words(ask: &Ask) -> String {
    if let Some(size) = ask.control.big {
        return "0123456789abcdef".chars().cycle().take(size).collect();
    }
    if let Some(chunks) = ask.control.chunks {
        return (0..chunks).map(|number| format!("w{number} ")).collect();
    }
    if let Some(schema) = &ask.schema {
        return sample::value(schema, 0, &Hints::default()).to_string();
    }
    let said = match &ask.results {
        Some(results) => format!("The tool said: {}", results.join("; ")),
        None => format!("You said: {}", ask.text),
    };
    match images(ask) {
        Some(images) => format!("{said} [{images}]"),
        None => said,
    }
}

fn images(ask: &Ask) -> Option<String> {
    if ask.images.is_empty() {
        return ask.control.image.then(|| "no image".to_owned());
    }
    Some(
        ask.images
            .iter()
            .map(Image::describe)
            .collect::<Vec<_>>()
            .join(", "),
    )
}

fn first_stop(text: &str, stops: &[String]) -> Option<(usize, String)> {
    stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop.clone())))
        .min_by_key(|(at, _)| *at)
}

/// Cuts a text as a stream would: at blanks for words, in equal slices for large bodies.
fn pieces(text: &str, ask: &Ask) -> Vec<String> {
    const SLICE: usize = 16 * 1024;
    if text.is_empty() {
        return Vec::new();
    }
    match ask.control.big {
        // The text of a large body is ASCII, so any cut is a character boundary.
        Some(size) => {
            let slice = ask
                .control
                .chunks
                .map_or(SLICE, |chunks| size.div_ceil(chunks.max(1)));
            let bytes = text.as_bytes().chunks(slice.max(1));
            bytes
                .map(|piece| String::from_utf8_lossy(piece).into_owned())
                .collect()
        }
        None => text.split_inclusive(' ').map(str::to_owned).collect(),
    }
}

fn usage(ask: &Ask, text: &str, calls: &[Call], thinking: Option<&str>) -> Usage {
    let arguments: usize = calls.iter().map(|call| call.told().len()).sum();
    let thinking = thinking.map_or(0, |thoughts| tokens(thoughts.len()));
    Usage {
        prompt: ask.prompt_tokens,
        cache: ask.cache,
        output: tokens(text.len() + arguments).max(1) + thinking,
        thinking,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Control;

    fn ask(text: &str) -> Ask {
        let (control, text) = Control::take(text);
        Ask {
            control,
            text,
            parallel: true,
            choices: 1,
            ..Ask::default()
        }
    }

    fn with_tools(text: &str) -> Ask {
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            schema: json!({"type": "object"}),
            ..Tool::default()
        };
        Ask {
            tools: vec![tool("a"), tool("b")],
            ..ask(text)
        }
    }

    #[test]
    fn the_pieces_make_the_text() {
        let answer = answer(&ask("a b  c"));
        assert_eq!(answer.text.concat(), "You said: a b  c");
        assert!(answer.text.len() > 3);
    }

    #[test]
    fn tools_are_called_until_their_results_are_there() {
        let first = answer(&with_tools("x [[sim parallel]]"));
        let names: Vec<_> = first.calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!((names, first.stop), (vec!["a", "b"], Stop::Tools));
        let second = answer(&Ask {
            results: Some(vec!["42".to_owned()]),
            ..with_tools("x")
        });
        assert_eq!(
            (second.text.concat().as_str(), second.stop),
            ("The tool said: 42", Stop::End)
        );
    }

    #[test]
    fn parallel_calls_need_leave() {
        let one = answer(&Ask {
            parallel: false,
            ..with_tools("[[sim parallel]]")
        });
        assert_eq!(one.calls.len(), 1);
    }

    #[test]
    fn limits_end_the_text() {
        let short = answer(&Ask {
            max_tokens: Some(2),
            ..ask("12345678")
        });
        assert_eq!(
            (short.text.concat().as_str(), short.stop),
            ("You said", Stop::Length)
        );
        let stopped = answer(&Ask {
            stops: vec!["said".to_owned()],
            ..ask("")
        });
        assert_eq!(stopped.text.concat(), "You ");
        assert_eq!(stopped.stop, Stop::Sequence("said".to_owned()));
    }

    #[test]
    fn big_texts_have_the_size_asked_for() {
        let answer = answer(&ask("[[sim big=40000]]"));
        assert_eq!(answer.text.concat().len(), 40000);
        assert_eq!(answer.text.len(), 3);
    }
}
