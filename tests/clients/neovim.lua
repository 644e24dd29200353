-- Neovim 0.11 or newer, as a user sets it up: hints, lenses and diagnostics of its own client.
-- The status beside each task has to change without a key pressed.
vim.o.swapfile = false
vim.lsp.config("execution-coordinator", {
  cmd = { vim.env.SERVER, "serve" },
  filetypes = { "markdown" },
  root_markers = { "execution-coordinator.toml" },
})
vim.lsp.enable("execution-coordinator")
vim.cmd.edit(vim.env.WORKSPACE .. "/breakdown.md")
vim.bo.filetype = "markdown"

local function fail(why)
  io.stderr:write(why .. "\n")
  vim.cmd("cquit 1")
end

local shown
local function wait_for(what, is)
  if not vim.wait(30000, is, 200) then
    fail("it did not happen: " .. what .. "; there stands:\n" .. shown())
  end
end

wait_for("the server is attached", function()
  return #vim.lsp.get_clients({ bufnr = 0 }) > 0
end)
vim.lsp.inlay_hint.enable(true, { bufnr = 0 })

-- What stands beside the lines on the screen.
function shown()
  vim.cmd("redraw!")
  local labels = {}
  for _, namespace in pairs(vim.api.nvim_get_namespaces()) do
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
      for _, chunk in ipairs(mark[4].virt_text or {}) do
        table.insert(labels, chunk[1])
      end
    end
  end
  return table.concat(labels, "\n")
end

local run = vim.system({ vim.env.SERVER, "run", "breakdown.md" }, { cwd = vim.env.WORKSPACE })
wait_for("a task is shown to be running", function()
  return shown():find("●", 1, true) ~= nil
end)
local before = shown()
wait_for("its time goes on", function()
  return shown() ~= before
end)
vim.fn.writefile({}, vim.env.WORKSPACE .. "/go")
wait_for("everything is shown to be done", function()
  return shown():find("✔ 4/4 done", 1, true) ~= nil
end)
if run:wait().code ~= 0 then
  fail("the execution is not complete")
end
local lenses = vim.lsp.buf_request_sync(0, "textDocument/codeLens", { textDocument = { uri = vim.uri_from_bufnr(0) } }, 10000)
if not vim.inspect(lenses):find("Show report", 1, true) then
  fail("no lens shows the report: " .. vim.inspect(lenses))
end
vim.cmd("quitall!")
