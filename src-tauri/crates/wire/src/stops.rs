//! Stop texts for providers whose dialect has none: the reply is cut where the first of them appears,
//! as a provider that knows them would do.

use std::borrow::Cow;

use crate::{BlockKind, Event, Finish, Piece};

/// Watches a reply's text.
#[derive(Clone, Debug)]
pub(crate) struct Stops {
    texts: Vec<String>,
    /// Whether the reply ends at the cut, or goes on to the provider's end for the counts there.
    at_once: bool,
    /// The open text and the end of it that may be the beginning of a stop text.
    open: Option<(usize, String)>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Going,
    /// Cut at this stop text.
    Cut(String),
    Over,
}

impl Stops {
    /// For these stop texts; `None` when there are none.
    pub(crate) fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let texts: Vec<String> = texts
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect();
        (!texts.is_empty()).then_some(Self {
            texts,
            at_once: false,
            open: None,
            state: State::Going,
        })
    }

    /// For a reply that ends at the cut, if `at_once`.
    pub(crate) fn begin(&self, at_once: bool) -> Self {
        Self {
            at_once,
            ..self.clone()
        }
    }

    /// Takes the next event.
    pub(crate) fn event(&mut self, event: Event<'_>, sink: &mut impl FnMut(Event<'_>)) {
        match &self.state {
            State::Going => self.going(event, sink),
            State::Cut(text) => match event {
                Event::Finish { native, .. } => sink(end(text, native)),
                Event::Usage(_) | Event::Ping | Event::Fault(_) | Event::End => sink(event),
                _ => {}
            },
            State::Over => {}
        }
    }

    fn going(&mut self, event: Event<'_>, sink: &mut impl FnMut(Event<'_>)) {
        match event {
            Event::BlockStart { index, kind } => {
                if matches!(kind, BlockKind::Text) {
                    self.flush(sink);
                    self.open = Some((index, String::new()));
                }
                sink(Event::BlockStart { index, kind });
            }
            Event::Delta {
                index,
                piece: Piece::Text(text),
            } if self.open.as_ref().is_some_and(|(open, _)| *open == index) => {
                self.text(index, &text, sink);
            }
            Event::BlockStop { .. } | Event::Finish { .. } => {
                self.flush(sink);
                sink(event);
            }
            other => sink(other),
        }
    }

    fn text(&mut self, index: usize, more: &str, sink: &mut impl FnMut(Event<'_>)) {
        let Some((_, held)) = &mut self.open else {
            return;
        };
        held.push_str(more);
        let found = self
            .texts
            .iter()
            .filter_map(|text| Some((held.find(text.as_str())?, text)))
            .min_by_key(|(at, _)| *at);
        let keep = match found {
            Some((at, _)) => at,
            None => {
                held.len()
                    - self
                        .texts
                        .iter()
                        .map(|text| begun(held, text))
                        .max()
                        .unwrap_or(0)
            }
        };
        let rest = held.split_off(keep);
        let said = std::mem::replace(held, rest);
        if !said.is_empty() {
            let piece = Piece::Text(said.into());
            sink(Event::Delta { index, piece });
        }
        let Some((_, text)) = found else { return };
        if self.at_once {
            sink(end(text, Cow::Borrowed("stop")));
            self.state = State::Over;
            sink(Event::End);
        } else {
            self.state = State::Cut(text.clone());
        }
    }

    /// Says what was held: no stop text came of it.
    fn flush(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if let Some((index, held)) = self.open.take()
            && !held.is_empty()
        {
            let piece = Piece::Text(held.into());
            sink(Event::Delta { index, piece });
        }
    }
}

fn end<'e>(text: &'e str, native: Cow<'e, str>) -> Event<'e> {
    Event::Finish {
        reason: Finish::StopSequence,
        native,
        stop_sequence: Some(text.into()),
    }
}

/// How many bytes at the end of `held` are the beginning of `text`.
fn begun(held: &str, text: &str) -> usize {
    let longest = held.len().min(text.len().saturating_sub(1));
    let fits = |length: &usize| text.get(..*length).is_some_and(|head| held.ends_with(head));
    (1..=longest).rev().find(fits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a text that comes in these pieces, and how it ends.
    fn said(stops: &[&str], pieces: &[&str], at_once: bool) -> (String, String) {
        let mut stops = Stops::of(stops.iter().copied()).unwrap().begin(at_once);
        let (mut text, mut end) = (String::new(), String::new());
        let mut sink = |event: Event<'_>| match event {
            Event::Delta {
                piece: Piece::Text(more),
                ..
            } => text.push_str(&more),
            Event::Finish {
                reason,
                stop_sequence,
                ..
            } => end = format!("{end}{reason:?} {stop_sequence:?}"),
            Event::End => end.push('.'),
            _ => {}
        };
        let kind = BlockKind::Text;
        stops.event(Event::BlockStart { index: 0, kind }, &mut sink);
        for piece in pieces {
            let piece = Piece::Text((*piece).into());
            stops.event(Event::Delta { index: 0, piece }, &mut sink);
        }
        stops.event(Event::BlockStop { index: 0 }, &mut sink);
        let finish = Event::Finish {
            reason: Finish::Stop,
            native: "x".into(),
            stop_sequence: None,
        };
        stops.event(finish, &mut sink);
        stops.event(Event::End, &mut sink);
        (text, end)
    }

    #[test]
    fn text_is_cut_at_the_first_stop() {
        for (stops, pieces, text, end) in [
            (
                &["END"][..],
                &["a E", "N", "D b"][..],
                "a ",
                "StopSequence Some(\"END\").",
            ),
            (&["END"], &["a EN", "x"], "a ENx", "Stop None."),
            (&["END"], &["a EEN"], "a EEN", "Stop None."),
            (&["b", "ab"], &["xab"], "x", "StopSequence Some(\"ab\")."),
            (
                &["\u{e9}!"],
                &["x\u{e9}", "\u{e9}!"],
                "x\u{e9}",
                "StopSequence Some(\"é!\").",
            ),
            (
                &["", "\n\n"],
                &["a\n", "\nb"],
                "a",
                "StopSequence Some(\"\\n\\n\").",
            ),
        ] {
            for at_once in [false, true] {
                let expected = (text.to_owned(), end.to_owned());
                assert_eq!(said(stops, pieces, at_once), expected, "{pieces:?}");
            }
        }
        assert!(Stops::of([""]).is_none());
    }
}
