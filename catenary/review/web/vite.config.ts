import { defineConfig } from "vite";

// Everything is served by `catenary review` itself, under a strict content security policy:
// nothing inline, no data addresses, no source maps that tell where this was built.
export default defineConfig({
  base: "./",
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 800 },
});
