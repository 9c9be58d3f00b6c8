import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { generate } from "../../scripts/generate.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

// openapi.json itself is held to the engine by a test of the engine.
test("the types are those of the engine's document: else run `npm run api`", () => {
  expect(read("./api.ts")).toBe(generate(JSON.parse(read("../../openapi.json"))));
});

test("forms become types, and unknown forms are refused", () => {
  const schemas = {
    Colour: { type: "string", enum: ["red", "dark-green"], description: "A colour." },
    Thing: {
      type: "object",
      required: ["id", "tags"],
      properties: {
        id: { type: "integer", description: "Its number." },
        name: { type: ["string", "null"] },
        colour: { oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Colour" }] },
        tags: { type: "array", items: { $ref: "#/components/schemas/Colour" } },
        more: { type: "object", additionalProperties: { type: "number" } },
      },
    },
  };
  expect(generate({ components: { schemas } })).toContain(`/** A colour. */
export type Colour = "red" | "dark-green";

export interface Thing {
  /** Its number. */
  id: number;
  name?: string | null;
  colour?: null | Colour;
  tags: Colour[];
  more?: Record<string, number>;
}
`);
  expect(() => generate({ components: { schemas: { Odd: { type: "file" } } } })).toThrow();
});
