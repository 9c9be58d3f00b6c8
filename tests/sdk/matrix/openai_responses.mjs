// OpenAI's SDK, Responses.

import OpenAI from "openai";

import { KEY, SCHEMA, URL, main } from "./play.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });

function items([kind, ...what]) {
  if (kind === "user") return [{ role: "user", content: what[0] }];
  if (kind === "model") return what[0];
  if (kind === "picture") {
    const image = { type: "input_image", image_url: `data:image/png;base64,${what[1]}`, detail: "auto" };
    return [{ role: "user", content: [{ type: "input_text", text: what[0] }, image] }];
  }
  return what[0].map(([call, text]) => ({ type: "function_call_output", call_id: call.id, output: text }));
}

async function ask(model, turns, { stream, tools, thinking }) {
  const options = { model, input: turns.flatMap(items), store: false };
  if (tools) {
    const offer = (name) => ({ type: "function", name, description: name, strict: false, parameters: SCHEMA });
    options.tools = tools.map(offer);
  }
  if (thinking) {
    options.reasoning = { effort: "high", summary: "auto" };
    options.include = ["reasoning.encrypted_content"];
  }
  const reply = stream ? await streamed(options) : await client.responses.create(options);
  if (reply.status === "failed") throw new Error(reply.error.message);
  const of = (kind) => reply.output.filter((item) => item.type === kind);
  const calls = of("function_call").map(({ call_id, name, arguments: told }) => ({
    id: call_id,
    name,
    arguments: JSON.parse(told),
  }));
  const parts = of("message").flatMap((item) => item.content);
  const thoughts = of("reasoning").flatMap((item) => item.summary.map((part) => part.text));
  const refused = parts.some((part) => part.type === "refusal");
  const again = reply.output.map(({ parsed_arguments, ...item }) => ({
    ...item,
    ...(item.content && { content: item.content.map(({ parsed, ...part }) => part) }),
  }));
  const incomplete = { max_output_tokens: "length", content_filter: "filter" }[reply.incomplete_details?.reason];
  return {
    text: parts.map((part) => part.text ?? part.refusal).join(""),
    thoughts: thoughts.join(""),
    calls,
    finish: incomplete ?? (refused ? "filter" : calls.length > 0 ? "calls" : "stop"),
    usage: reply.usage && [reply.usage.input_tokens, reply.usage.output_tokens],
    again,
  };
}

/** The final response; the SDK's own helper takes an incomplete one for final as well. */
async function streamed(options) {
  const events = client.responses.stream(options);
  for await (const event of events) {
    if (event.type === "response.failed") throw new Error(event.response.error.message);
  }
  return events.finalResponse();
}

await main({ ask });
