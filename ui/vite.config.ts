import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// Mode `fake` builds the same page on an engine of its own making, for the browser tests.
export default defineConfig(({ mode }) => ({
  base: "/ui/",
  plugins: [svelte()],
  build: {
    outDir: mode === "fake" ? "dist-fake" : "dist",
    target: ["es2023", "safari16.4"],
    rollupOptions: { input: mode === "fake" ? "fake.html" : "index.html" },
    // The page's CSP has no `data:` for fonts or scripts, and the files come from memory anyway.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  ...(mode === "test" && { resolve: { conditions: ["browser"] } }),
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));
