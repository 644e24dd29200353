--- How executions stand, as the server says: what all that is shown here looks at.
local M = {}

--- Boards by execution, and the one that was told of last.
M.boards = {}
M.latest = nil
--- The servers that told of executions, by their ids.
M.clients = {}
--- Breakdowns that were started here.
M.started = {}

local asking = {}
local SIGNS = vim.api.nvim_create_namespace("execution_coordinator_signs")
local HIGHLIGHTS = { running = "DiagnosticInfo", done = "DiagnosticOk", failed = "DiagnosticError", blocked = "DiagnosticWarn", skipped = "Comment" }

local function plugin()
  return require("execution-coordinator")
end

--- Tells whoever listens: `User ExecutionCoordinator…`.
local function tell(event, data)
  vim.api.nvim_exec_autocmds("User", { pattern = "ExecutionCoordinator" .. event, data = data, modeline = false })
end

--- Asks the server of an execution, or that of the current buffer; what it refuses is said.
function M.ask(method, params, done, failed)
  local client = M.clients[params.execution] and vim.lsp.get_client_by_id(M.clients[params.execution]) or plugin().client(0)
  if not client then
    if failed then
      failed()
    end
    vim.notify("execution-coordinator is not running: open a breakdown", vim.log.levels.WARN)
    return
  end
  local handler = function(error, result)
    if error then
      vim.notify(error.message, vim.log.levels.ERROR)
      if failed then
        failed()
      end
    elseif done then
      done(result)
    end
  end
  -- A method since 0.11, a field before.
  if vim.fn.has("nvim-0.11") == 1 then
    client:request(method, params, handler)
  else
    client.request(method, params, handler)
  end
end

--- The board of the breakdown in the current buffer, or the latest.
function M.current()
  local file = vim.api.nvim_buf_get_name(0)
  local found
  for _, board in pairs(M.boards) do
    if board.breakdown == file and (not found or board.execution > found.execution) then
      found = board
    end
  end
  return found or M.boards[M.latest]
end

--- Asks how an execution stands; once more where it has changed meanwhile. Who waits is told of what was asked
--- after that.
function M.refresh(execution, done)
  local under = asking[execution]
  if under then
    under.again = under.again or {}
    table.insert(under.again, done)
    return
  end
  under = {}
  asking[execution] = under
  M.ask("task/list", { execution = execution }, function(board)
    asking[execution] = nil
    local before = M.boards[execution]
    M.boards[execution] = board
    M.latest = execution
    M.show(board)
    tell("Changed", board)
    if before and before.state ~= board.state then
      tell("StateChanged", board)
    end
    if done then
      done(board)
    end
    if under.again then
      M.refresh(execution, function(later)
        for _, waiting in ipairs(under.again) do
          waiting(later)
        end
      end)
    end
  end, function()
    asking[execution] = nil
  end)
end

--- Signs and lenses of the buffers that show its breakdown.
function M.show(board)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.api.nvim_buf_get_name(buffer) == board.breakdown then
      plugin().refresh(buffer)
      M.signs(buffer, board)
    end
  end
  vim.cmd.redrawstatus({ bang = true })
end

--- The lines of tasks, by the names of their symbols.
function M.lines(buffer, done)
  local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
  M.ask("textDocument/documentSymbol", params, function(symbols)
    local lines = {}
    local function visit(symbol)
      local id = symbol.name:match("^%S+")
      if id and symbol.selectionRange then
        lines[id] = lines[id] or symbol.selectionRange.start.line
      end
      for _, child in ipairs(symbol.children or {}) do
        visit(child)
      end
    end
    for _, symbol in ipairs(symbols or {}) do
      visit(symbol)
    end
    done(lines)
  end)
end

function M.signs(buffer, board)
  M.lines(buffer, function(lines)
    if not vim.api.nvim_buf_is_loaded(buffer) then
      return
    end
    vim.api.nvim_buf_clear_namespace(buffer, SIGNS, 0, -1)
    local count = vim.api.nvim_buf_line_count(buffer)
    for _, task in ipairs(board.tasks) do
      local sign = task.waitsForApproval ~= vim.NIL and task.waitsForApproval and "◈" or plugin().settings.signs[task.look]
      local line = lines[task.id]
      if sign and sign ~= "" and line and line < count then
        vim.api.nvim_buf_set_extmark(buffer, SIGNS, line, 0, { sign_text = sign, sign_hl_group = HIGHLIGHTS[task.look] or "Comment" })
      end
    end
  end)
end

--- What a server begins with: the executions of the buffers that are open.
function M.attached(client)
  local handler = function(_, answer)
    for _, row in ipairs(answer and answer.executions or {}) do
      if vim.fn.bufnr(row.breakdown) >= 0 then
        M.clients[row.execution] = client.id
        M.refresh(row.execution)
      end
    end
  end
  if vim.fn.has("nvim-0.11") == 1 then
    client:request("execution/list", vim.empty_dict(), handler)
  else
    client.request("execution/list", vim.empty_dict(), handler)
  end
end

--- A server is gone: what it was asked is not answered any more.
function M.detached(id)
  for execution, client in pairs(M.clients) do
    if client == id then
      M.clients[execution] = nil
      asking[execution] = nil
    end
  end
end

function M.on_progress(_, progress, context)
  M.clients[progress.execution] = context.client_id
  M.refresh(progress.execution)
end

function M.on_escalation(_, escalation, context)
  M.clients[escalation.execution] = context.client_id
  tell("Escalation", escalation)
  M.refresh(escalation.execution)
end

function M.on_result(_, report, context)
  M.clients[report.execution] = context.client_id
  M.refresh(report.execution, function(board)
    tell("Ended", board)
    if plugin().settings.open_report and M.started[board.breakdown] then
      -- What is fixed and goes on ends once more.
      M.started[board.breakdown] = board.state ~= "Complete" or nil
      require("execution-coordinator.show").float("Report", report.markdown)
    end
  end)
end

function M.statusline()
  local board = M.current()
  if not board then
    return ""
  end
  local counts = {}
  for _, task in ipairs(board.tasks) do
    counts[task.look] = (counts[task.look] or 0) + 1
  end
  local done = (counts.done or 0) + (counts.skipped or 0)
  local sign = counts.failed and "✘" or board.running and "●" or board.state == "Complete" and "✔" or "‖"
  local text = ("%s %d/%d"):format(sign, done, #board.tasks)
  for _, look in ipairs({ "failed", "blocked" }) do
    text = counts[look] and ("%s · %d %s"):format(text, counts[look], look) or text
  end
  return text
end

--- What needs somebody, as items of a quickfix list.
function M.blockers(board, lines)
  local items = {}
  for _, task in ipairs(board.tasks) do
    local waits = task.waitsForApproval ~= vim.NIL and task.waitsForApproval
    if task.look == "failed" or task.look == "blocked" or waits then
      local at = { filename = board.breakdown, lnum = (lines[task.id] or 0) + 1 }
      table.insert(items, vim.tbl_extend("force", at, { text = ("%s %s: %s"):format(task.id, task.title, task.label), type = waits and "W" or "E" }))
      for _, finding in ipairs(task.findings) do
        local place = finding.place ~= vim.NIL and finding.place or ""
        local file, line = place:match("^(.-):(%d+)")
        local root = task.folder ~= vim.NIL and task.folder or vim.fs.dirname(board.breakdown)
        local there = file and { filename = root .. "/" .. file, lnum = tonumber(line) } or at
        table.insert(items, vim.tbl_extend("force", there, { text = ("%s by %s: %s"):format(finding.severity, finding.by, finding.text), type = "I" }))
      end
    end
  end
  return items
end

return M
