//! Replies as a provider of Gemini writes them.

use serde_json::{Value, json};

use super::{FINISHES, Piece, Said};

impl Said {
    fn gemini_usage(&self) -> Option<Value> {
        self.usage.map(|(fresh, read, written, output)| {
            let prompt = fresh + read + written;
            json!({
                "promptTokenCount": prompt, "cachedContentTokenCount": read,
                "candidatesTokenCount": output, "totalTokenCount": prompt + output
            })
        })
    }

    pub(super) fn gemini_stream(&self) -> Vec<u8> {
        let mut chunks: Vec<Vec<Value>> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(parts) => {
                    chunks.extend(parts.iter().map(|text| vec![json!({ "text": text })]));
                }
                Piece::Thinking(parts) => chunks.extend(
                    parts
                        .iter()
                        .map(|text| vec![json!({ "text": text, "thought": true })]),
                ),
                Piece::Call { .. } => chunks.push(vec![self.gemini_call(piece)]),
            }
        }
        let mut out = String::new();
        for parts in chunks {
            let chunk = json!({
                "candidates": [{ "content": { "role": "model", "parts": parts }, "index": 0 }],
                "modelVersion": "m", "responseId": "r1"
            });
            out.push_str(&format!("data: {chunk}\n\n"));
        }
        out.push_str(&format!("data: {}\n\n", self.gemini_end(Vec::new())));
        out.into_bytes()
    }

    pub(super) fn gemini_reply(&self) -> Vec<u8> {
        let part = |piece: &Piece| match piece {
            Piece::Text(parts) => json!({ "text": parts.concat() }),
            Piece::Thinking(parts) => json!({ "text": parts.concat(), "thought": true }),
            Piece::Call { .. } => self.gemini_call(piece),
        };
        let parts = self.pieces.iter().map(part).collect();
        self.gemini_end(parts).to_string().into_bytes()
    }

    fn gemini_call(&self, piece: &Piece) -> Value {
        let Piece::Call { name, arguments } = piece else {
            return Value::Null;
        };
        let place = self
            .pieces
            .iter()
            .position(|other| std::ptr::eq(other, piece));
        let args: Value = serde_json::from_str(&arguments.concat()).unwrap();
        json!({ "functionCall": { "id": format!("c{}", place.unwrap()), "name": name, "args": args } })
    }

    fn gemini_end(&self, parts: Vec<Value>) -> Value {
        let mut end = json!({
            "candidates": [{
                "content": { "role": "model", "parts": parts },
                "finishReason": FINISHES[self.finish].2, "index": 0
            }],
            "modelVersion": "m", "responseId": "r1"
        });
        if let Some(usage) = self.gemini_usage() {
            end["usageMetadata"] = usage;
        }
        end
    }
}
