// Server-sent events by fetch: EventSource cannot send the header that proves who asks.

import type { Notice } from "./backend";
import type { Door, Follow } from "./http";
import { ask } from "./http";

/** Pauses before another attempt, in milliseconds; the last one repeats. */
const PAUSES = [500, 1000, 2000, 5000];

/** One server-sent event. */
export interface SentEvent {
  event: string;
  data: string;
}

/** Splits a stream of server-sent events; comments that only keep it alive are dropped. */
export class EventReader {
  #rest = "";

  /** Takes the next piece of text; returns the events that it completed. */
  push(piece: string): SentEvent[] {
    this.#rest += piece;
    // A line end cut in two must not count as two.
    const cut = this.#rest.endsWith("\r") ? 1 : 0;
    const text = this.#rest.slice(0, this.#rest.length - cut).replace(/\r\n?/g, "\n");
    const blocks = text.split("\n\n");
    this.#rest = (blocks.pop() ?? "") + (cut ? "\r" : "");
    return blocks.map(read).filter((event) => event.data !== "");
  }
}

/** Follows `/manage/events`, and comes back after a broken connection. */
export function followByFetch(door: Door): Follow {
  return (onNotice, onLive) => {
    const stop = new AbortController();
    void (async () => {
      for (let failed = 0; !stop.signal.aborted; failed += 1) {
        const began = await followOnce(door, stop.signal, onNotice, onLive);
        if (stop.signal.aborted) return;
        if (began) failed = 0;
        onLive(false);
        await pause(PAUSES[Math.min(failed, PAUSES.length - 1)] ?? 5000, stop.signal);
      }
    })();
    return () => stop.abort();
  };
}

/** One connection until it breaks; returns whether there was one. */
async function followOnce(
  door: Door,
  signal: AbortSignal,
  onNotice: (notice: Notice) => void,
  onLive: (live: boolean) => void,
): Promise<boolean> {
  let began = false;
  try {
    const answer = await ask(door, "GET", "events", undefined, signal);
    const body = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (body === undefined) return false;
    began = true;
    onLive(true);
    const events = new EventReader();
    for (;;) {
      const { done, value } = await body.read();
      if (done) return began;
      for (const { event, data } of events.push(value)) {
        onNotice({ event, ...JSON.parse(data) } as Notice);
      }
    }
  } catch {
    return began;
  }
}

function read(block: string): SentEvent {
  const field = (name: string) =>
    block
      .split("\n")
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, ""))
      .join("\n");
  return { event: field("event"), data: field("data") };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
