// `npm run api`: makes the types anew from openapi.json (which `byokey openapi` prints).
import { readFileSync, writeFileSync } from "node:fs";

import { generate } from "./generate.js";

const at = (/** @type {string} */ path) => new URL(path, import.meta.url);
const document = JSON.parse(readFileSync(at("../openapi.json"), "utf8"));
writeFileSync(at("../src/backend/api.ts"), generate(document));
