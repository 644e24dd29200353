// The OpenRPC document against the specification's own validator, and its examples against it.
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const { parseOpenRPCDocument, validateOpenRPCDocument, MethodCallValidator } =
  createRequire(path.join(process.env.CLIENTS, "client.js"))("@open-rpc/schema-utils-js");

async function main() {
  const text = fs.readFileSync(process.env.DOCUMENT, "utf8");
  const valid = validateOpenRPCDocument(JSON.parse(text));
  if (valid !== true) throw valid;
  const document = await parseOpenRPCDocument(text);
  const validator = new MethodCallValidator(document);
  const good = validator.validate("execution/plan", { path: "breakdown.md", maxParallel: 2 });
  if (!Array.isArray(good) || good.length > 0) throw new Error(JSON.stringify(good));
  const bad = validator.validate("execution/plan", { path: 7 });
  if (!Array.isArray(bad) || bad.length === 0) throw new Error("a number was taken for a path");
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
