--- :checkhealth execution-coordinator
local M = {}

function M.check()
  local health = vim.health
  health.start("execution-coordinator")
  if vim.fn.has("nvim-0.10") == 1 then
    health.ok("Neovim " .. tostring(vim.version()))
  else
    health.error("Neovim 0.10 or newer is needed")
  end
  local plugin = require("execution-coordinator")
  local program = plugin.settings.cmd[1]
  if vim.fn.executable(program) == 1 then
    local said = vim.system({ program, "--version" }, { timeout = 5000 }):wait()
    health.ok(("`%s`: %s"):format(vim.fn.exepath(program), vim.trim(said.stdout or "")))
  else
    health.error(("`%s` is not on the path"):format(program), { "Install it, or `setup({ cmd = { \"/its/path\", \"serve\" } })`" })
  end
  if not plugin.is_set_up then
    health.warn("`setup` was not called", { "`require(\"execution-coordinator\").setup()`" })
  end
  local client = plugin.client()
  if client then
    health.ok(("the server is at work in %s"):format(client.config.root_dir or "no folder"))
  else
    health.info("no server is at work: open a breakdown")
  end
end

return M
