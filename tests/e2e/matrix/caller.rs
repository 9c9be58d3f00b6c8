//! The four dialects as a program speaks them: the same conversation, written by hand for each.

use serde_json::{Value, json};

use super::said::{Call, Said};

/// A dialect in which byokey is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::e2e) enum Caller {
    Chat,
    Responses,
    Messages,
    Gemini,
}

/// One turn of a conversation.
pub(in crate::e2e) enum Turn {
    User(String),
    /// A question with a picture, its media type and its bytes in base64.
    Picture(String, &'static str, &'static str),
    /// What the model said, as it said it.
    Model(Said),
    /// What the tools answered.
    Results(Vec<(Call, String)>),
}

/// What is asked.
#[derive(Default)]
pub(in crate::e2e) struct Asked {
    pub(in crate::e2e) model: String,
    pub(in crate::e2e) stream: bool,
    pub(in crate::e2e) turns: Vec<Turn>,
    pub(in crate::e2e) tools: bool,
    pub(in crate::e2e) thinking: bool,
}

impl Caller {
    pub(in crate::e2e) fn path(self, asked: &Asked) -> String {
        match self {
            Self::Chat => "/v1/chat/completions".to_owned(),
            Self::Responses => "/v1/responses".to_owned(),
            Self::Messages => "/v1/messages".to_owned(),
            Self::Gemini => {
                let method = match asked.stream {
                    true => "streamGenerateContent?alt=sse",
                    false => "generateContent",
                };
                format!("/v1beta/models/{}:{method}", asked.model)
            }
        }
    }

    pub(in crate::e2e) fn body(self, asked: &Asked) -> Value {
        let turns = asked.turns.iter().flat_map(|turn| self.turn(turn));
        let turns: Vec<_> = turns.collect();
        let mut body = match self {
            Self::Chat => json!({"messages": turns}),
            Self::Responses => json!({"input": turns, "store": false}),
            Self::Messages => json!({"messages": turns, "max_tokens": 8000}),
            Self::Gemini => json!({"contents": turns}),
        };
        if self != Self::Gemini {
            body["model"] = json!(asked.model);
            body["stream"] = json!(asked.stream);
        }
        if self == Self::Chat && asked.stream {
            body["stream_options"] = json!({"include_usage": true});
        }
        if asked.tools {
            body["tools"] = self.tools();
        }
        if asked.thinking {
            self.think(&mut body);
        }
        body
    }

    /// The messages, items or contents of one turn.
    fn turn(self, turn: &Turn) -> Vec<Value> {
        match turn {
            Turn::User(text) => vec![match self {
                Self::Chat | Self::Messages => json!({"role": "user", "content": text}),
                Self::Responses => json!({"type": "message", "role": "user",
                    "content": [{"type": "input_text", "text": text}]}),
                Self::Gemini => json!({"role": "user", "parts": [{"text": text}]}),
            }],
            Turn::Picture(text, media_type, data) => vec![self.picture(text, media_type, data)],
            Turn::Model(said) => said.again.clone(),
            Turn::Results(results) => self.results(results),
        }
    }

    fn picture(self, text: &str, media_type: &str, data: &str) -> Value {
        let url = format!("data:{media_type};base64,{data}");
        match self {
            Self::Chat => json!({"role": "user", "content": [
                {"type": "text", "text": text},
                {"type": "image_url", "image_url": {"url": url}}]}),
            Self::Responses => json!({"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": text},
                {"type": "input_image", "image_url": url}]}),
            Self::Messages => json!({"role": "user", "content": [
                {"type": "text", "text": text},
                {"type": "image", "source":
                    {"type": "base64", "media_type": media_type, "data": data}}]}),
            Self::Gemini => json!({"role": "user", "parts": [
                {"text": text}, {"inlineData": {"mimeType": media_type, "data": data}}]}),
        }
    }

    fn results(self, results: &[(Call, String)]) -> Vec<Value> {
        let each = |write: &dyn Fn(&Call, &str) -> Value| -> Vec<Value> {
            results
                .iter()
                .map(|(call, text)| write(call, text))
                .collect()
        };
        match self {
            Self::Chat => each(
                &|call, text| json!({"role": "tool", "tool_call_id": call.id, "content": text}),
            ),
            Self::Responses => each(
                &|call, text| json!({"type": "function_call_output", "call_id": call.id, "output": text}),
            ),
            Self::Messages => {
                let blocks = each(
                    &|call, text| json!({"type": "tool_result", "tool_use_id": call.id, "content": text}),
                );
                vec![json!({"role": "user", "content": blocks})]
            }
            Self::Gemini => {
                let parts = each(&|call, text| {
                    let mut response = json!({"name": call.name, "response": {"result": text}});
                    if !call.id.is_empty() {
                        response["id"] = json!(call.id);
                    }
                    json!({"functionResponse": response})
                });
                vec![json!({"role": "user", "parts": parts})]
            }
        }
    }

    fn tools(self) -> Value {
        let schema = json!({"type": "object", "required": ["city", "days"], "properties":
            {"city": {"type": "string"}, "days": {"type": "integer"}}});
        let tools = ["weather", "tides"].map(|name| match self {
            Self::Chat => json!({"type": "function",
                "function": {"name": name, "description": name, "parameters": schema}}),
            Self::Responses => json!({"type": "function", "name": name, "description": name,
                "parameters": schema, "strict": false}),
            Self::Messages => json!({"name": name, "description": name, "input_schema": schema}),
            Self::Gemini => {
                json!({"name": name, "description": name, "parametersJsonSchema": schema})
            }
        });
        match self {
            Self::Gemini => json!([{"functionDeclarations": tools}]),
            _ => json!(tools),
        }
    }

    fn think(self, body: &mut Value) {
        match self {
            Self::Chat => body["reasoning_effort"] = json!("high"),
            Self::Responses => {
                body["reasoning"] = json!({"effort": "high", "summary": "auto"});
                body["include"] = json!(["reasoning.encrypted_content"]);
            }
            Self::Messages => {
                body["thinking"] = json!({"type": "enabled", "budget_tokens": 4000});
            }
            Self::Gemini => {
                let config = json!({"includeThoughts": true, "thinkingLevel": "HIGH"});
                body["generationConfig"] = json!({"thinkingConfig": config});
            }
        }
    }
}
