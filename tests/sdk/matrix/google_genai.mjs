// Google's SDK.

import { GoogleGenAI } from "@google/genai";

import { KEY, SCHEMA, URL, main } from "./play.mjs";

const client = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: URL, timeout: 30_000 } });
const FINISH = { STOP: "stop", MAX_TOKENS: "length", SAFETY: "filter" };

function content([kind, ...what]) {
  if (kind === "user") return { role: "user", parts: [{ text: what[0] }] };
  if (kind === "model") return what[0];
  if (kind === "picture") {
    return { role: "user", parts: [{ text: what[0] }, { inlineData: { mimeType: "image/png", data: what[1] } }] };
  }
  const part = ([{ id, name }, result]) => ({ functionResponse: { ...(id && { id }), name, response: { result } } });
  return { role: "user", parts: what[0].map(part) };
}

async function ask(model, turns, { stream, tools, thinking }) {
  const config = {};
  if (tools) {
    const offer = (name) => ({ name, description: name, parametersJsonSchema: SCHEMA });
    config.tools = [{ functionDeclarations: tools.map(offer) }];
  }
  if (thinking) config.thinkingConfig = { includeThoughts: true, thinkingLevel: "HIGH" };
  const options = { model, contents: turns.map(content), config };
  const chunks = [];
  if (stream) {
    for await (const chunk of await client.models.generateContentStream(options)) chunks.push(chunk);
  } else {
    chunks.push(await client.models.generateContent(options));
  }
  const candidates = chunks.flatMap((chunk) => chunk.candidates ?? []);
  const parts = candidates.flatMap((candidate) => candidate.content?.parts ?? []);
  const calls = parts
    .filter((part) => part.functionCall)
    .map(({ functionCall: { id, name, args } }) => ({ id: id ?? null, name, arguments: args }));
  const ended = candidates.map((candidate) => candidate.finishReason).filter(Boolean);
  const usage = chunks.at(-1).usageMetadata;
  const spoken = (thought) =>
    parts.filter((part) => Boolean(part.thought) === thought).map((part) => part.text ?? "").join("");
  return {
    text: spoken(false),
    thoughts: spoken(true),
    calls,
    finish: calls.length > 0 && ended.at(-1) === "STOP" ? "calls" : FINISH[ended.at(-1)],
    usage: [usage.promptTokenCount, (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0)],
    again: { role: "model", parts },
  };
}

await main({ ask });
