// Writes dist/manifest.json: a hash over everything the pages are built from, and one hash per built file.
// tests/web/test_assets_fresh.py computes the same without Node, so committed assets cannot go stale unseen.
//
// The hash of the sources: for each file, sorted by its path as bytes, the line "<sha256 of the file>  <path>\n";
// the sha256 of these lines is `sources_sha256`. Paths use forward slashes and start at somc/web.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** What a build depends on; folders are taken whole. */
export const SOURCES = [
  "index.html",
  "package-lock.json",
  "package.json",
  "src",
  "tools",
  "tsconfig.json",
  "vite.config.ts",
];

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

function filesBelow(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

export function sourcesHash(root) {
  const paths = SOURCES.flatMap((name) => filesBelow(join(root, name)))
    .map((path) => relative(root, path).split(sep).join("/"))
    .sort(byBytes);
  return sha256(paths.map((path) => `${sha256(readFileSync(join(root, path)))}  ${path}\n`).join(""));
}

/** The Vite plugin: after the files are written, the manifest is. */
export function sourceManifest() {
  let root = ".";
  let out = "dist";
  return {
    name: "somc-source-manifest",
    apply: "build",
    configResolved(config) {
      root = config.root;
      out = join(config.root, config.build.outDir);
    },
    closeBundle() {
      const built = filesBelow(out)
        .map((path) => relative(out, path).split(sep).join("/"))
        .filter((path) => path !== "manifest.json")
        .sort(byBytes);
      const files = Object.fromEntries(built.map((path) => [path, sha256(readFileSync(join(out, path)))]));
      const manifest = { sources_sha256: sourcesHash(root), files };
      writeFileSync(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
    },
  };
}
