// The same scenarios as in play.py, for the JavaScript SDKs. A driver has
// `ask(model, turns, { stream, tools, thinking })`; nothing is judged here.

import { deflateSync, crc32 } from "node:zlib";

export const URL = process.env.BYOKEY_URL;
export const KEY = process.env.BYOKEY_KEY;
const WORDS = 'grüezi 你好 😀 "quoted" \\ and\na second line';
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};

/** The smallest honest picture: one red pixel. */
function png() {
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const frame = Buffer.alloc(8 + body.length);
    frame.writeUInt32BE(data.length, 0);
    body.copy(frame, 4);
    frame.writeUInt32BE(crc32(body), 4 + body.length);
    return frame;
  };
  const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
  const pixels = deflateSync(Buffer.from([0, 255, 0, 0]));
  const magic = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([magic, chunk("IHDR", head), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

const told = ({ again, ...facts }) => facts;

async function tools(driver, model, stream, question = "weather?", options = {}) {
  const asked = [["user", question]];
  const offered = { ...options, stream, tools: ["weather", "tides"] };
  const first = await driver.ask(model, asked, offered);
  const results = first.calls.map((call) => [call, `${call.name} it is`]);
  const second = await driver.ask(model, [...asked, ["model", first.again], ["results", results]], offered);
  return { first: told(first), second: told(second) };
}

async function failure(driver, model, stream, control) {
  try {
    const reply = await driver.ask(model, [["user", `a b c d e f ${control}`]], { stream });
    return { class: null, reply: told(reply) };
  } catch (error) {
    return { class: error.constructor.name, status: error.status ?? null, message: error.message };
  }
}

const SCENARIOS = {
  text: async (driver, model, stream) => told(await driver.ask(model, [["user", WORDS]], { stream })),
  tools,
  parallel: (driver, model, stream) => tools(driver, model, stream, "weather and tides? [[sim parallel]]"),
  thinking: (driver, model, stream) => tools(driver, model, stream, "weather? [[sim think]]", { thinking: true }),
  image: async (driver, model, stream) => ({
    ...told(await driver.ask(model, [["picture", "What is this?", png().toString("base64")]], { stream })),
    bytes: png().length,
  }),
  length: async (driver, model, stream) =>
    told(await driver.ask(model, [["user", "a story [[sim length]]"]], { stream })),
  refused: (driver, model, stream) => failure(driver, model, stream, "[[sim status=400]]"),
  limited: (driver, model, stream) => failure(driver, model, stream, "[[sim status=429 retry_after=7]]"),
  within: (driver, model, stream) => failure(driver, model, stream, "[[sim error_in_stream]]"),
};

/** Plays every scenario with every provider named on the command line, whole and streamed. */
export async function main(driver) {
  for (const provider of process.argv.slice(2)) {
    for (const [scenario, play] of Object.entries(SCENARIOS)) {
      for (const stream of [false, true]) {
        const name = scenario + (stream ? "-streamed" : "");
        const line = { provider, scenario: name };
        try {
          line.facts = await play(driver, `${provider}/${name}`, stream);
        } catch (error) {
          line.error = error.stack;
        }
        console.log(JSON.stringify(line));
      }
    }
  }
}
