import { expect, test } from "vitest";

import { EventReader } from "./events";

const STREAM = 'event: accounts\r\ndata: {"event":"accounts"}\r\n\r\n: still here\n\nevent: request\ndata: {"event":"request",\ndata: "id":"req_1"}\n\n';
const EVENTS = [
  { event: "accounts", data: '{"event":"accounts"}' },
  { event: "request", data: '{"event":"request",\n"id":"req_1"}' },
];

test("however the stream is cut, the events are the same", () => {
  for (let first = 0; first <= STREAM.length; first += 1) {
    for (let second = first; second <= STREAM.length; second += 1) {
      const reader = new EventReader();
      const pieces = [STREAM.slice(0, first), STREAM.slice(first, second), STREAM.slice(second)];
      expect(pieces.flatMap((piece) => reader.push(piece))).toEqual(EVENTS);
    }
  }
});

test("half an event waits", () => {
  const reader = new EventReader();
  expect(reader.push("event: accounts\ndata: {}")).toEqual([]);
  expect(reader.push("\n\n")).toEqual([{ event: "accounts", data: "{}" }]);
});
