// Anthropic's SDK.

import Anthropic from "@anthropic-ai/sdk";

import { KEY, SCHEMA, URL, main } from "./play.mjs";

const client = new Anthropic({ baseURL: URL, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const FINISH = { end_turn: "stop", stop_sequence: "stop", max_tokens: "length", tool_use: "calls", refusal: "filter" };

function message([kind, ...what]) {
  if (kind === "user") return { role: "user", content: what[0] };
  if (kind === "model") return { role: "assistant", content: what[0] };
  if (kind === "picture") {
    const source = { type: "base64", media_type: "image/png", data: what[1] };
    return { role: "user", content: [{ type: "text", text: what[0] }, { type: "image", source }] };
  }
  const result = ([call, content]) => ({ type: "tool_result", tool_use_id: call.id, content });
  return { role: "user", content: what[0].map(result) };
}

async function ask(model, turns, { stream, tools, thinking }) {
  const options = { model, messages: turns.map(message), max_tokens: 8000 };
  if (tools) options.tools = tools.map((name) => ({ name, description: name, input_schema: SCHEMA }));
  if (thinking) options.thinking = { type: "enabled", budget_tokens: 4000 };
  const reply = stream ? await client.messages.stream(options).finalMessage() : await client.messages.create(options);
  const of = (kind) => reply.content.filter((block) => block.type === kind);
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens } = reply.usage;
  return {
    text: of("text").map((block) => block.text).join(""),
    thoughts: of("thinking").map((block) => block.thinking).join(""),
    calls: of("tool_use").map(({ id, name, input }) => ({ id, name, arguments: input })),
    finish: FINISH[reply.stop_reason],
    usage: [input_tokens + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0), output_tokens],
    again: reply.content,
  };
}

await main({ ask });
