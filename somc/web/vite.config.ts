// How the pages are built: one entry, every page its own chunk, nothing inlined (the content security policy
// allows files of the hall's own origin and nothing else), and names that depend on content alone, so that two
// builds of the same sources are the same bytes.
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

import { sourceManifest } from "./tools/manifest.mjs";

export default defineConfig({
  plugins: [vue(), sourceManifest()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: process.env.SOMC_HALL ?? "http://127.0.0.1:8080", ws: true } } },
});
