// The chat system as a workspace whose tasks wait while somebody holds them, and whose release a person approves.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";

export function workspace(folder, repository) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ["agents", "breakdown.md", "execution-coordinator.toml", "test.sh"]) {
    cpSync(join(repository, "examples/chat-system", name), join(folder, name), { recursive: true });
  }
  mkdirSync(join(folder, "hold"));
  mkdirSync(join(folder, ".execution-coordinator"));
  const script = join(folder, "agents/implement.sh");
  const wait = `while [ -e "${folder}/hold/$EXECUTION_COORDINATOR_TASK-$EXECUTION_COORDINATOR_ROUND" ]; do sleep 0.05; done\necho "task $EXECUTION_COORDINATOR_TASK goes on" >&2`;
  const fails = `if [ -e "${folder}/hold/fail-$EXECUTION_COORDINATOR_TASK" ]; then echo '{"status":"failed","reason":"told to fail"}'; exit 0; fi`;
  writeFileSync(script, readFileSync(script, "utf8").replace("set -eu\n", `set -eu\n${wait}\n${fails}\n`));
  const config = join(folder, "execution-coordinator.toml");
  writeFileSync(config, `${readFileSync(config, "utf8")}\n[[gates]]\nname = "release"\nlevel = "deployment"\napproval = true\n`);
  // A place for each task: so no gate sees what another one has half written.
  writeFileSync(join(folder, ".gitignore"), "hold/\n.execution-coordinator/\n");
  const git = (...words) => execFileSync("git", ["-c", "user.name=me", "-c", "user.email=me@localhost", ...words], { cwd: folder, stdio: "ignore" });
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "base");
  return {
    folder,
    breakdown: join(folder, "breakdown.md"),
    hold: (name) => writeFileSync(join(folder, "hold", name), ""),
    release: (name) => rmSync(join(folder, "hold", name), { force: true }),
    isHeld: (name) => existsSync(join(folder, "hold", name)),
    trust: () => execFileSync("execution-coordinator", ["trust"], { cwd: folder, stdio: "ignore" }),
    stop: () => execFileSync("execution-coordinator", ["serve", "--stop"], { cwd: folder, stdio: "ignore" }),
  };
}
