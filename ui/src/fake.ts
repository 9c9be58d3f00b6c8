// The page on a fake engine, for the browser tests; it is no part of the product's bundle. The
// address chooses the scene: `?scene=empty`, `?scene=broken`, `?scene=offline`, `?scene=closed`.
import { mount } from "svelte";

import App from "./App.svelte";
import "./app.css";
import { FakeBackend, type Scene } from "./backend/fake";
import { Engine } from "./state/engine.svelte";
import { Gate } from "./state/gate.svelte";

const scene = (new URLSearchParams(location.search).get("scene") ?? "full") as Scene | "closed";
const backend = new FakeBackend(scene === "closed" ? "empty" : scene);
const gate = new Gate();
gate.open = scene !== "closed";
Object.assign(globalThis, { fake: backend });

const target = document.getElementById("app");
if (target) mount(App, { target, props: { engine: new Engine(backend), gate } });
