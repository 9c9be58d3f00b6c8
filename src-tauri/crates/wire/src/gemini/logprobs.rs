//! Probabilities of tokens, from Google's form into OpenAI's.

use super::chunk::{Logprobs, Token};
use crate::json::{Object, write_list};

/// The list that Chat and Responses share; `None` when there is nothing in it.
pub(super) fn openai(found: Logprobs<'_>) -> Option<String> {
    let chosen = found.chosen?;
    if chosen.is_empty() {
        return None;
    }
    let mut top = found.top.unwrap_or_default().into_iter();
    let mut out = Vec::new();
    write_list(&mut out, chosen, |out, token| {
        let mut entry = Object::begin(out);
        write_token(&token, &mut entry);
        let others = top.next().and_then(|top| top.tokens).unwrap_or_default();
        write_list(entry.key("top_logprobs"), others, |out, token| {
            let mut entry = Object::begin(out);
            write_token(&token, &mut entry);
            entry.end();
        });
        entry.end();
    });
    String::from_utf8(out).ok()
}

fn write_token(token: &Token<'_>, entry: &mut Object<'_>) {
    let text = token.token.as_deref().unwrap_or_default();
    entry.text("token", text);
    entry.raw("logprob", token.logprob.map_or("0", |number| number.get()));
    write_list(entry.key("bytes"), text.bytes(), |out, byte| {
        crate::json::write_int(out, byte);
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn googles_probabilities_in_openais_form() {
        let found = serde_json::from_str(
            r#"{"chosenCandidates":[{"token":"A","tokenId":5,"logProbability":-0.25},{"token":"é"}],
                "topCandidates":[{"candidates":[{"token":"B","logProbability":-1e-3}]}]}"#,
        );
        let list = super::openai(found.unwrap()).unwrap();
        assert_eq!(
            list,
            r#"[{"token":"A","logprob":-0.25,"bytes":[65],"top_logprobs":[{"token":"B","logprob":-1e-3,"bytes":[66]}]},{"token":"é","logprob":0,"bytes":[195,169],"top_logprobs":[]}]"#
        );
        assert!(super::openai(serde_json::from_str("{}").unwrap()).is_none());
    }
}
