/** Builds three entries into Flask's static folder; the manifest tells the templates their hashed names. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  base: "/static/build/",
  publicDir: false,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: here("../marketplace/static/build"),
    emptyOutDir: true,
    manifest: true,
    target: "es2023",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // Inlined data: URLs for scripts or fonts would fall foul of the content security policy.
    assetsInlineLimit: 0,
    // The inline helper script that preloads modules is not needed by the browsers we target.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rollupOptions: { input: { workbench: here("workbench/main.ts"), reading: here("workbench/reading.ts"), pages: here("pages/main.ts") } },
  },
  worker: { format: "es" },
  test: { environment: "happy-dom", include: ["**/*.test.ts", "**/*.test.tsx"] },
});
