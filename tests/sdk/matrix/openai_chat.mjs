// OpenAI's SDK, chat completions.

import OpenAI from "openai";

import { KEY, SCHEMA, URL, main } from "./play.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const FINISH = { stop: "stop", length: "length", tool_calls: "calls", content_filter: "filter" };

function messages([kind, ...what]) {
  if (kind === "user") return [{ role: "user", content: what[0] }];
  if (kind === "model") return [what[0]];
  if (kind === "picture") {
    const url = `data:image/png;base64,${what[1]}`;
    return [{ role: "user", content: [{ type: "text", text: what[0] }, { type: "image_url", image_url: { url } }] }];
  }
  return what[0].map(([call, text]) => ({ role: "tool", tool_call_id: call.id, content: text }));
}

async function ask(model, turns, { stream, tools, thinking }) {
  const options = { model, messages: turns.flatMap(messages) };
  if (tools) {
    const offer = (name) => ({ type: "function", function: { name, description: name, parameters: SCHEMA } });
    options.tools = tools.map(offer);
  }
  if (thinking) options.reasoning_effort = "high";
  let thoughts = "";
  let reply;
  if (stream) {
    const events = client.chat.completions.stream({ ...options, stream_options: { include_usage: true } });
    events.on("chunk", (chunk) => {
      for (const choice of chunk.choices) thoughts += choice.delta.reasoning_content ?? "";
    });
    reply = await events.finalChatCompletion();
  } else {
    reply = await client.chat.completions.create(options);
    thoughts = reply.choices[0].message.reasoning_content ?? "";
  }
  const { message, finish_reason } = reply.choices[0];
  const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: told } }) => ({
    id,
    name,
    arguments: JSON.parse(told),
  }));
  const again = { role: "assistant", content: message.content };
  if (calls.length > 0) {
    again.tool_calls = message.tool_calls.map(({ id, function: { name, arguments: told } }) => ({
      id,
      type: "function",
      function: { name, arguments: told },
    }));
  }
  const usage = reply.usage && [reply.usage.prompt_tokens, reply.usage.completion_tokens];
  const text = message.content || message.refusal || "";
  return { text, thoughts, calls, finish: FINISH[finish_reason], usage, again };
}

await main({ ask });
