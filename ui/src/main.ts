import { mount } from "svelte";

import App from "./App.svelte";
import "./app.css";
import { followByFetch } from "./backend/events";
import { httpBackend } from "./backend/http";
import { Session } from "./backend/session";
import { followByChannel, inWindow } from "./backend/window";
import { Engine } from "./state/engine.svelte";
import { Gate } from "./state/gate.svelte";

const gate = new Gate();

/** In the window the shell proves who calls; a browser's tab has to show its own token. */
async function engine(): Promise<Engine> {
  if (inWindow()) {
    gate.open = true;
    const door = { headers: () => ({}), onRefused: () => {} };
    return new Engine(httpBackend(door, followByChannel));
  }
  const session = new Session();
  gate.open = await session.begin();
  // A link that is opened in a tab with this page changes its fragment only.
  addEventListener("hashchange", async () => (gate.open = await session.begin()));
  const door = {
    headers: () => session.headers(),
    onRefused: () => {
      session.end();
      gate.open = false;
    },
  };
  return new Engine(httpBackend(door, followByFetch(door)));
}

const target = document.getElementById("app");
if (target) mount(App, { target, props: { engine: await engine(), gate } });
