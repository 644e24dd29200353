// Bundles the extension, the page of the graph, and the modules that unit tests look at.
import { build } from "esbuild";

const minify = process.argv.includes("--minify");
const common = { bundle: true, minify, sourcemap: !minify, logLevel: "warning" };
await build({ ...common, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js", platform: "node", format: "cjs", target: "node20", external: ["vscode"] });
await build({ ...common, entryPoints: ["src/page/graph.ts"], outfile: "dist/graph.js", platform: "browser", format: "iife", target: "es2022" });
await build({ ...common, entryPoints: ["test/extension/index.ts"], outfile: "dist/extension-tests.js", platform: "node", format: "cjs", target: "node20", external: ["vscode"] });
await build({ ...common, entryPoints: ["src/layout.ts", "src/words.ts"], outdir: "dist/unit", platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, target: "node20" });
