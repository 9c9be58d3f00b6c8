import svelte from "eslint-plugin-svelte";
import ts from "typescript-eslint";

import svelteConfig from "./svelte.config.js";

const noBlobs = ["Blob", "File", "FormData"].map((name) => ({
  selector: `Property[key.name='body'] NewExpression[callee.name='${name}']`,
  message: "A request with such a body ends the whole app on WebKitGTK; send text.",
}));

export default ts.config(
  { ignores: ["dist", "dist-fake", "node_modules"] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      "no-restricted-syntax": ["error", ...noBlobs],
      "no-console": "error",
      // `null` and absent mean the same in replies.
      eqeqeq: ["error", "always", { null: "ignore" }],
      "svelte/no-at-html-tags": "error",
      // It cannot tell state that is drawn from a Set or Date that is used and thrown away.
      "svelte/prefer-svelte-reactivity": "off",
      // The page has no router of SvelteKit's.
      "svelte/no-navigation-without-resolve": "off",
    },
  },
);
