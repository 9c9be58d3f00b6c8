//! A conversation in the one form that Copilot takes: a prompt with pictures beside it.

use serde_json::{Value, json};

use crate::{BridgeTrouble, request::Request};

/// A prompt.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Prompt {
    /// Its text.
    pub(super) text: String,
    /// Its pictures, in Copilot's form.
    pub(super) pictures: Vec<Value>,
}

impl Prompt {
    /// The whole conversation: what the user says now, and before it all that was said earlier.
    ///
    /// # Errors
    /// [`BridgeTrouble::Request`] for a picture that is only named by its address.
    pub(super) fn of(request: &Request) -> Result<Self, BridgeTrouble> {
        let mut prompt = Self::default();
        let is_plain = request.history.is_empty() && request.tail.len() == 1;
        if is_plain {
            request.said().try_for_each(|part| prompt.part(part))?;
            return Ok(prompt);
        }
        prompt.text.push_str(
            "This conversation began elsewhere. What was said in it so far stands below, each entry \
             between marks that name who said it. Go on with it: answer the last entry.",
        );
        for item in request.history.iter().chain(&request.tail) {
            prompt.entry(item)?;
        }
        Ok(prompt)
    }

    /// Parts of a user's message.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(super) fn said(parts: &[&Value]) -> Result<Self, BridgeTrouble> {
        let mut prompt = Self::default();
        parts.iter().try_for_each(|part| prompt.part(part))?;
        Ok(prompt)
    }

    fn entry(&mut self, item: &Value) -> Result<(), BridgeTrouble> {
        let text = |member: &str| item[member].as_str().unwrap_or_default();
        let (mark, parts) = match text("type") {
            "function_call" => {
                let named = format!("tool call {} {}", text("call_id"), text("name"));
                self.open(&named);
                self.text.push_str(text("arguments"));
                return Ok(());
            }
            "function_call_output" => (
                format!("result of tool call {}", text("call_id")),
                &item["output"],
            ),
            _ => (text("role").to_owned(), &item["content"]),
        };
        self.open(&mark);
        match parts {
            Value::Array(parts) => parts.iter().try_for_each(|part| self.part(part)),
            whole => {
                self.text.push_str(whole.as_str().unwrap_or_default());
                Ok(())
            }
        }
    }

    fn open(&mut self, mark: &str) {
        self.text.push_str(&format!("\n\n[{mark}]\n"));
    }

    fn part(&mut self, part: &Value) -> Result<(), BridgeTrouble> {
        if part["type"] == "input_image" {
            self.pictures.push(picture(&part["image_url"])?);
            return Ok(());
        }
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text
            .push_str(part["text"].as_str().unwrap_or_default());
        Ok(())
    }
}

/// What came out of a tool.
///
/// # Errors
/// As [`Prompt::of`].
pub(super) fn output(output: &Value) -> Result<Value, BridgeTrouble> {
    let Value::Array(parts) = output else {
        return Ok(json!({"textResultForLlm": output, "resultType": "success"}));
    };
    let parts: Vec<_> = parts.iter().collect();
    let Prompt { text, pictures } = Prompt::said(&parts)?;
    let pictures: Vec<_> = pictures
        .iter()
        .map(|picture| {
            json!({"type": "image", "data": picture["data"], "mimeType": picture["mimeType"]})
        })
        .collect();
    Ok(json!({"textResultForLlm": text, "resultType": "success",
        "binaryResultsForLlm": pictures}))
}

fn picture(url: &Value) -> Result<Value, BridgeTrouble> {
    let inline = url.as_str().and_then(|url| {
        let (kind, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
        Some(json!({"type": "blob", "mimeType": kind, "data": data}))
    });
    inline.ok_or_else(|| {
        let message = "Copilot takes pictures only within the request, not by their address";
        BridgeTrouble::Request(message.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(messages: &Value) -> Result<Prompt, BridgeTrouble> {
        let body = json!({"model": "m", "max_tokens": 9, "messages": messages,
            "tools": [{"name": "look", "input_schema": {"type": "object"}}]});
        Prompt::of(&Request::read(body.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn one_message_is_the_prompt_itself() {
        let picture = json!({"type": "image", "source":
            {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
        let text = |text: &str| json!({"type": "text", "text": text});
        let told = prompt(&json!([{"role": "user", "content": [text("a"), picture, text("b")]}]));
        let told = told.unwrap();
        assert_eq!(told.text, "a\nb");
        assert_eq!(
            told.pictures,
            [json!({"type": "blob", "mimeType": "image/png", "data": "AAAA"})]
        );
    }

    #[test]
    fn what_was_said_before_is_told_again() {
        let told = prompt(&json!([
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "let me look"},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                {"type": "text", "text": "so?"}]},
        ]))
        .unwrap();
        let (_, entries) = told.text.split_once("\n\n").unwrap();
        let expected = "[user]\nhi\n\n[assistant]\nlet me look\n\n[tool call toolu_1 look]\n\
            {\"at\":1}\n\n[result of tool call toolu_1]\nsunny\n\n[user]\nso?";
        assert_eq!(entries, expected);
    }

    #[test]
    fn a_picture_somewhere_else_is_refused() {
        let picture =
            json!({"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}});
        let told = prompt(&json!([{"role": "user", "content": [picture]}]));
        assert!(matches!(told, Err(BridgeTrouble::Request(_))));
    }
}
