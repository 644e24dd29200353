// The Agent Client Protocol's own TypeScript client runs a breakdown: acp.mjs MODULES PROGRAM FOLDER
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const [modules, program, folder] = process.argv.slice(2);
const found = createRequire(modules + "/").resolve("@agentclientprotocol/sdk");
const acp = await import(pathToFileURL(found));
const agent = spawn(program, ["acp"], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
const seen = { plan: 0, tool_call: 0, tool_call_update: 0, said: "", asked: 0 };
const app = acp.client({ name: "test" });
app.onNotification(acp.methods.client.session.update, ({ params: { update } }) => {
  if (update.sessionUpdate === "agent_message_chunk") seen.said += update.content.text;
  else seen[update.sessionUpdate] += 1;
});
app.onRequest(acp.methods.client.session.requestPermission, ({ params: { options } }) => {
  seen.asked += 1;
  return { outcome: { outcome: "selected", optionId: options.find((option) => option.kind === "allow_once").optionId } };
});
const stream = acp.ndJsonStream(Writable.toWeb(agent.stdin), Readable.toWeb(agent.stdout));
const stopReason = await app.connectWith(stream, async (peer) => {
  const of = acp.methods.agent;
  await peer.request(of.initialize, { protocolVersion: acp.PROTOCOL_VERSION, clientCapabilities: {} });
  const { sessionId } = await peer.request(of.session.new, { cwd: folder, mcpServers: [] });
  const prompt = [{ type: "text", text: "Please execute breakdown.md" }];
  return (await peer.request(of.session.prompt, { sessionId, prompt })).stopReason;
});
agent.kill();
const good = stopReason === "end_turn" && seen.plan > 0 && seen.tool_call > 0 && seen.tool_call_update > 0 && seen.asked === 1;
if (!good || !seen.said.includes("Final Status: Complete")) {
  console.error(stopReason, seen);
  process.exit(1);
}
