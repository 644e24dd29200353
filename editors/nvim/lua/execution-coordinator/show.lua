--- Windows that lie over the text.
local M = {}

--- Markdown in a window that `q` closes.
function M.float(title, text)
  local lines = vim.split(text, "\n")
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].filetype = "markdown"
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].bufhidden = "wipe"
  local width = math.min(100, math.max(20, vim.o.columns - 8))
  local height = math.min(#lines, math.max(3, vim.o.lines - 6))
  vim.api.nvim_open_win(buffer, true, {
    relative = "editor",
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    width = width,
    height = height,
    border = "rounded",
    title = " " .. title .. " ",
    style = "minimal",
  })
  vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = buffer, nowait = true })
  return buffer
end

--- How an execution stands, as Markdown.
function M.status(board)
  local out = { ("# %s: %s"):format(board.topic, board.state), "" }
  for _, stream in ipairs(board.streams) do
    table.insert(out, ("## %s %s  %s"):format(stream.id, stream.name, stream.label))
    for _, task in ipairs(board.tasks) do
      if task.stream == stream.id then
        table.insert(out, ("- %s %s  %s"):format(task.id, task.title, task.label))
      end
    end
    table.insert(out, "")
  end
  for _, task in ipairs(board.tasks) do
    if task.stream == vim.NIL or not task.stream then
      table.insert(out, ("- %s %s  %s"):format(task.id, task.title, task.label))
    end
  end
  for _, gate in ipairs(board.gates) do
    table.insert(out, ("- %s  %s"):format(gate.id, gate.label))
  end
  return table.concat(out, "\n")
end

return M
