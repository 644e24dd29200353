--- :ExecutionCoordinator and its sub-commands.
local M = {}

local board_of = function()
  return require("execution-coordinator.board")
end

--- Runs something with the board of the current breakdown.
local function with_board(run)
  local board = board_of().current()
  if board then
    run(board)
  else
    vim.notify("Nothing is being executed here: `:ExecutionCoordinator run` begins", vim.log.levels.WARN)
  end
end

--- The tasks, or gates, for which an action makes sense.
local function fitting(board, action)
  local rows = {}
  for _, task in ipairs(board.tasks) do
    if action == "approve" or action == "reject" then
      if task.waitsForApproval ~= vim.NIL and task.waitsForApproval then
        table.insert(rows, { id = task.waitsForApproval, label = task.title })
      end
    elseif action == "reveal" or vim.tbl_contains(task.actions, action) then
      table.insert(rows, { id = task.id, label = ("%s  %s"):format(task.title, task.label) })
    end
  end
  for _, gate in ipairs(board.gates) do
    if vim.tbl_contains(gate.actions, action) then
      table.insert(rows, { id = gate.id, label = gate.label })
    end
  end
  return rows
end

--- Does something with the one that is named, the only one there is, or the one that is picked.
local function pick(board, action, given, run)
  local rows = fitting(board, action)
  if given then
    return run(given)
  end
  if #rows == 0 then
    return vim.notify(("There is nothing to %s now"):format(action), vim.log.levels.INFO)
  end
  vim.ui.select(rows, {
    prompt = action,
    format_item = function(row)
      return row.id .. "  " .. row.label
    end,
  }, function(row)
    if row then
      run(row.id)
    end
  end)
end

--- Tells the agent of a task something: the answer to what it has asked, or a word while it is at work.
local function tell(action, prompt)
  return function(given)
    with_board(function(board)
      pick(board, action, given, function(id)
        vim.ui.input({ prompt = prompt:format(id) }, function(text)
          if not text or text == "" then
            return
          end
          board_of().ask("task/" .. action, { execution = board.execution, task = id, by = "editor", text = text }, function()
            board_of().refresh(board.execution)
          end)
        end)
      end)
    end)
  end
end

local function steer(method, key)
  return function(given)
    with_board(function(board)
      local function ask(id)
        local params = { execution = board.execution }
        if key then
          params[key] = id
        end
        board_of().ask(method, params, function()
          board_of().refresh(board.execution)
        end)
      end
      if key then
        pick(board, method:match("/(.*)$"), given, ask)
      else
        ask()
      end
    end)
  end
end

-- As much as is given at once.
local OUTPUT_BYTES = 1048576

local function output(given)
  with_board(function(board)
    pick(board, "output", given, function(id)
      board_of().ask("task/output", { execution = board.execution, task = id, limit = OUTPUT_BYTES }, function(page)
        -- Without what steers a terminal.
        local text = page.text:gsub("\27%[[%d;]*%a", ""):gsub("[%z\1-\8\11\12\14-\31]", "")
        if page.next >= OUTPUT_BYTES then
          text = text .. ("\n(there is more: `execution-coordinator output %s`)"):format(id)
        end
        require("execution-coordinator.show").float(("Task %s"):format(id), text)
      end)
    end)
  end)
end

local function reveal(given)
  with_board(function(board)
    pick(board, "reveal", given, function(id)
      vim.cmd.edit(vim.fn.fnameescape(board.breakdown))
      board_of().lines(0, function(lines)
        if lines[id] then
          vim.api.nvim_win_set_cursor(0, { lines[id] + 1, 0 })
        end
      end)
    end)
  end)
end

M.commands = {
  run = function()
    local client = require("execution-coordinator").client(0)
    if not client then
      return vim.notify("Open a breakdown first", vim.log.levels.WARN)
    end
    if vim.bo.modified then
      vim.cmd.write()
    end
    board_of().started[vim.api.nvim_buf_get_name(0)] = true
    -- Where the program's own trust is missing, it asks for that by itself.
    board_of().ask("workspace/executeCommand", { command = "execution-coordinator.run", arguments = { vim.uri_from_bufnr(0) } }, function(started)
      if started and started ~= vim.NIL and started.execution then
        board_of().refresh(started.execution)
      end
    end)
  end,
  pause = steer("execution/pause"),
  resume = steer("execution/resume"),
  cancel = function()
    with_board(function(board)
      if vim.fn.confirm("Cancel " .. board.topic .. "? What is being done is stopped.", "&Cancel it\n&No", 2) == 1 then
        steer("execution/cancel")()
      end
    end)
  end,
  retry = steer("task/retry", "task"),
  answer = tell("answer", "Answer task %s: "),
  steer = tell("steer", "Tell the agent of task %s: "),
  skip = steer("task/skip", "task"),
  approve = steer("gate/approve", "gate"),
  reject = steer("gate/reject", "gate"),
  output = output,
  reveal = reveal,
  blockers = function()
    with_board(function(board)
      local buffer = vim.fn.bufadd(board.breakdown)
      vim.fn.bufload(buffer)
      board_of().lines(buffer, function(lines)
        vim.fn.setqflist({}, " ", { title = "What needs you: " .. board.topic, items = board_of().blockers(board, lines) })
        vim.cmd.copen()
      end)
    end)
  end,
  status = function()
    with_board(function(board)
      require("execution-coordinator.show").float("Status", require("execution-coordinator.show").status(board))
    end)
  end,
  report = function()
    with_board(function(board)
      board_of().ask("execution/report", { execution = board.execution }, function(report)
        require("execution-coordinator.show").float("Report", report.markdown)
      end)
    end)
  end,
}

function M.run(arguments)
  local plugin = require("execution-coordinator")
  if not plugin.is_set_up then
    plugin.setup()
  end
  local name = arguments[1] or "status"
  local command = M.commands[name]
  if not command then
    return vim.notify(("There is no `%s`: %s"):format(name, table.concat(vim.tbl_keys(M.commands), ", ")), vim.log.levels.ERROR)
  end
  -- Names of gates have blanks in them.
  local rest = table.concat(vim.list_slice(arguments, 2), " ")
  command(rest ~= "" and rest or nil)
end

function M.complete(lead, line)
  local words = vim.split(line, "%s+")
  local choices = vim.tbl_keys(M.commands)
  if #words > 2 then
    local board = board_of().current()
    choices = board and vim.tbl_map(function(row)
      return row.id
    end, fitting(board, words[2])) or {}
  end
  table.sort(choices)
  return vim.tbl_filter(function(choice)
    return vim.startswith(choice, lead)
  end, choices)
end

return M
