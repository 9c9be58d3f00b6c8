//! The replies' texts in both dialects.

use crate::{dialect::Dialect, stamp};

const WORDS: &str =
    "a reader of streams sees one short piece of text after another and adds them up ";
const MODEL: &str = "bench-model";

/// Text of this many bytes.
pub(super) fn filler(bytes: usize) -> String {
    WORDS.chars().cycle().take(bytes).collect()
}

pub(super) fn whole(dialect: Dialect, text: usize) -> String {
    let text = filler(text);
    match dialect {
        Dialect::Chat => format!(
            "{{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,\
             \"model\":\"{MODEL}\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
             \"content\":\"{text}\",\"refusal\":null}},\"logprobs\":null,\
             \"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":12,\
             \"completion_tokens\":34,\"total_tokens\":46}}}}"
        ),
        Dialect::Messages => format!(
            "{{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\",\
             \"model\":\"{MODEL}\",\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}],\
             \"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{{\"input_tokens\":12,\
             \"output_tokens\":34}}}}"
        ),
    }
}

/// What comes before the first piece of text.
pub(super) fn opening(dialect: Dialect) -> String {
    match dialect {
        Dialect::Chat => chat_chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null"),
        Dialect::Messages => {
            let start = format!(
                "{{\"type\":\"message_start\",\"message\":{{\"id\":\"msg_bench\",\
                 \"type\":\"message\",\"role\":\"assistant\",\"model\":\"{MODEL}\",\"content\":[],\
                 \"stop_reason\":null,\"stop_sequence\":null,\
                 \"usage\":{{\"input_tokens\":12,\"output_tokens\":1}}}}}}"
            );
            event("message_start", &start)
                + &event(
                    "content_block_start",
                    "{\"type\":\"content_block_start\",\"index\":0,\
                     \"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
                )
        }
    }
}

/// One piece of text that tells when it was sent.
pub(super) fn delta(dialect: Dialect, sent: u64, pad: &str) -> String {
    let stamp = stamp::Stamp(sent);
    match dialect {
        Dialect::Chat => chat_chunk(&format!("{{\"content\":\"{stamp}{pad}\"}}"), "null"),
        Dialect::Messages => event(
            "content_block_delta",
            &format!(
                "{{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{stamp}{pad}\"}}}}"
            ),
        ),
    }
}

/// What comes after the last piece of text.
pub(super) fn closing(dialect: Dialect, chunks: usize) -> String {
    match dialect {
        Dialect::Chat => {
            let usage = format!(
                "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\
                 \"created\":1700000000,\"model\":\"{MODEL}\",\"choices\":[],\
                 \"usage\":{{\"prompt_tokens\":12,\"completion_tokens\":{chunks},\
                 \"total_tokens\":{}}}}}\n\n",
                chunks + 12
            );
            chat_chunk("{}", "\"stop\"") + &usage + "data: [DONE]\n\n"
        }
        Dialect::Messages => {
            let end = format!(
                "{{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\",\
                 \"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{chunks}}}}}"
            );
            let block = "{\"type\":\"content_block_stop\",\"index\":0}";
            event("content_block_stop", block)
                + &event("message_delta", &end)
                + &event("message_stop", "{\"type\":\"message_stop\"}")
        }
    }
}

fn chat_chunk(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\
         \"created\":1700000000,\"model\":\"{MODEL}\",\"choices\":[{{\"index\":0,\
         \"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_reply_is_json() {
        for dialect in [Dialect::Chat, Dialect::Messages] {
            let _: Value = serde_json::from_str(&whole(dialect, 100)).unwrap();
            let stream = opening(dialect) + &delta(dialect, 7, "x") + &closing(dialect, 1);
            let data = stream
                .lines()
                .filter_map(|line| line.strip_prefix("data: "));
            for data in data.filter(|data| *data != "[DONE]") {
                let _: Value = serde_json::from_str(data).unwrap();
            }
        }
    }
}
