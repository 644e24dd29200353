-- The plugin of editors/nvim, headless: commands with completion, hints, lenses, signs, statusline, quickfix,
-- pickers, windows, events, health. $FEATURES has the plugin's folder.
vim.o.swapfile = false
vim.o.hidden = true
vim.opt.runtimepath:prepend(vim.env.FEATURES)
local plugin = require("execution-coordinator")
plugin.setup({ cmd = { vim.env.SERVER, "serve" } })
vim.cmd.source(vim.env.FEATURES .. "/plugin/execution-coordinator.lua")
vim.cmd.helptags(vim.env.FEATURES .. "/doc")

local function fail(why)
  io.stderr:write(why .. "\n")
  vim.cmd("cquit 1")
end
local function wait_for(what, is)
  if not vim.wait(30000, is, 50) then
    fail("it did not happen: " .. what .. "\n" .. vim.inspect(require("execution-coordinator.board").current()):sub(1, 3000) .. "\n" .. vim.fn.execute("messages"))
  end
end
local function equal(is, wanted, what)
  if not vim.deep_equal(is, wanted) then
    fail(what .. ": " .. vim.inspect(is))
  end
end
local events = {}
vim.api.nvim_create_autocmd("User", {
  pattern = "ExecutionCoordinator*",
  callback = function(event)
    events[event.match] = (events[event.match] or 0) + 1
  end,
})
local picked
vim.ui.select = function(rows, options, done)
  picked = vim.tbl_map(options.format_item, rows)
  done(rows[1])
end

equal(vim.fn.getcompletion("ExecutionCoordinator re", "cmdline"), { "reject", "report", "resume", "retry", "reveal" }, "completion")
vim.cmd.edit(vim.env.WORKSPACE .. "/breakdown.md")
vim.bo.filetype = "markdown"
wait_for("the server is attached", function()
  return plugin.client(0) ~= nil
end)
equal(plugin.statusline(), "", "the statusline before anything runs")
vim.cmd("ExecutionCoordinator run")
local function text_of(part)
  vim.cmd("redraw!")
  local found = {}
  for name, namespace in pairs(vim.api.nvim_get_namespaces()) do
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
      if part == "sign" and mark[4].sign_text then
        table.insert(found, vim.trim(mark[4].sign_text))
      elseif part == "virtual" and name:match("lsp") then
        for _, line in ipairs(vim.list_extend({ mark[4].virt_text or {} }, mark[4].virt_lines or {})) do
          for _, chunk in ipairs(line) do
            table.insert(found, chunk[1])
          end
        end
      end
    end
  end
  return table.concat(found, "\n")
end
wait_for("a hint says that a task is running", function()
  return text_of("virtual"):find("● running", 1, true) ~= nil
end)
wait_for("signs stand beside the tasks", function()
  return text_of("sign"):find("●", 1, true) and text_of("sign"):find("✔", 1, true)
end)
wait_for("the statusline says how far it is", function()
  return plugin.statusline() == "● 2/4"
end)
vim.cmd("ExecutionCoordinator status")
if not table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n"):find("## A Base", 1, true) then
  fail("the status has no streams")
end
vim.cmd("close")
vim.cmd("ExecutionCoordinator output")
wait_for("a task is picked, and what it printed is shown", function()
  return picked and #picked >= 2 and vim.bo.filetype == "markdown" and not vim.bo.modifiable
end)
vim.cmd("close")
vim.cmd("ExecutionCoordinator pause")
wait_for("it is paused", function()
  local board = require("execution-coordinator.board").current()
  return board and vim.tbl_contains(board.actions, "resume")
end)
vim.cmd("ExecutionCoordinator resume")
vim.fn.writefile({}, vim.env.WORKSPACE .. "/fail")
vim.fn.writefile({}, vim.env.WORKSPACE .. "/go")
wait_for("a task has failed", function()
  return plugin.statusline():find("✘ 3/4 · 1 failed", 1, true) ~= nil
end)
wait_for("the report of what was reached is open", function()
  return vim.api.nvim_buf_get_lines(0, 0, 1, false)[1] == "## Execution Coordination Complete"
end)
vim.cmd("close")
vim.cmd("ExecutionCoordinator blockers")
wait_for("it is in the quickfix list", function()
  return vim.iter(vim.fn.getqflist()):any(function(item)
    return item.text:find("4 Ship", 1, true) ~= nil and item.lnum > 1
  end)
end)
vim.cmd("cclose")
vim.fn.delete(vim.env.WORKSPACE .. "/fail")
vim.cmd("ExecutionCoordinator retry 4")
wait_for("all is done", function()
  return plugin.statusline() == "✔ 4/4"
end)
wait_for("the report is open", function()
  return vim.api.nvim_buf_get_lines(0, 0, 1, false)[1] == "## Execution Coordination Complete"
end)
vim.cmd("close")
wait_for("lenses are fresh", function()
  return text_of("virtual"):find("Show report", 1, true) ~= nil
end)
for _, event in ipairs({ "Changed", "StateChanged", "Ended" }) do
  if not events["ExecutionCoordinator" .. event] then
    fail("nobody was told: " .. event)
  end
end
vim.cmd("checkhealth execution-coordinator")
local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
if not health:find("execution-coordinator 0.", 1, true) or health:find("ERROR", 1, true) then
  fail(health)
end
if vim.fn.getcompletion("ExecutionCoordinator", "help")[1] == nil then
  fail("there is no help")
end
vim.cmd("qall!")
