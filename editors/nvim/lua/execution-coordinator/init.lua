--- Status of executions beside the tasks of a breakdown, and everything to steer them.
local M = {}

--- What `setup` is given goes over this.
M.settings = {
  --- The language server.
  cmd = { "execution-coordinator", "serve" },
  --- How things stand, at the ends of lines.
  hints = true,
  --- What can be done, above lines.
  lenses = true,
  --- Signs beside tasks, by how they look.
  signs = { waiting = "", running = "●", done = "✔", failed = "✘", blocked = "⊘", skipped = "⤼" },
  --- Settings of the server: `breakdowns`, `statusAsDiagnostics`.
  server = {},
  --- The report opens when an execution that was started here ends.
  open_report = true,
}

local NAME = "execution-coordinator"
--- Files of other languages than Markdown that are breakdowns by their names.
local NAMED = { "/%.taskmaster/tasks/[^/]+%.json$", "/tasks/tasks%.json$", "/%.beads/[^/]+%.jsonl$", "/sprint%-status%.yaml$" }
local FILETYPES = { "markdown", "json", "jsonl", "yaml" }
local ROOTS = { "execution-coordinator.toml", ".execution-coordinator", ".git" }

--- Where the server starts for a buffer; nowhere for one that is no breakdown by its language and its name.
local function root_of(buffer)
  local path = vim.api.nvim_buf_get_name(buffer)
  local may_be = vim.bo[buffer].filetype == "markdown"
  for _, pattern in ipairs(NAMED) do
    may_be = may_be or path:find(pattern) ~= nil
  end
  return may_be and (vim.fs.root(buffer, ROOTS) or vim.fn.getcwd()) or nil
end

--- Sets everything up. Can be called again.
function M.setup(settings)
  M.settings = vim.tbl_deep_extend("force", M.settings, settings or {})
  M.is_set_up = true
  local board = require("execution-coordinator.board")
  local config = {
    name = NAME,
    cmd = M.settings.cmd,
    filetypes = FILETYPES,
    init_options = M.settings.server,
    settings = { executionCoordinator = M.settings.server },
    handlers = {
      ["execution/progress"] = board.on_progress,
      ["execution/escalation"] = board.on_escalation,
      ["execution/result"] = board.on_result,
      ["execution/event"] = function() end,
      ["task/offered"] = function() end,
    },
  }
  local group = vim.api.nvim_create_augroup("execution_coordinator", {})
  vim.api.nvim_create_autocmd("LspAttach", {
    group = group,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == NAME then
        M.attach(event.buf)
        board.attached(client)
      end
    end,
  })
  config.on_exit = function(_, _, id)
    vim.schedule(function()
      board.detached(id)
    end)
  end
  if vim.lsp.config then
    config.root_dir = function(buffer, start)
      local root = root_of(buffer)
      if root then
        start(root)
      end
    end
    vim.lsp.config(NAME, config)
    vim.lsp.enable(NAME)
  else
    -- Before 0.11, where hints are painted once for each version of the text, however often the server says that
    -- they have changed: to enable them again forgets what is painted.
    config.handlers["workspace/inlayHint/refresh"] = function(_, _, context)
      for buffer in pairs(vim.lsp.get_client_by_id(context.client_id).attached_buffers) do
        if vim.lsp.inlay_hint.is_enabled({ bufnr = buffer }) then
          vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
        end
      end
      return vim.NIL
    end
    vim.api.nvim_create_autocmd("FileType", {
      group = group,
      pattern = FILETYPES,
      callback = function(event)
        local root = vim.bo[event.buf].buftype == "" and root_of(event.buf)
        if not root then
          return
        end
        vim.lsp.start(vim.tbl_extend("force", config, { root_dir = root }), { bufnr = event.buf })
      end,
    })
  end
end

--- What a buffer gets when the server comes to it.
function M.attach(buffer)
  if M.settings.hints then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  end
  M.refresh(buffer)
  vim.api.nvim_create_autocmd({ "BufEnter", "InsertLeave" }, {
    group = vim.api.nvim_create_augroup("execution_coordinator_" .. buffer, {}),
    buffer = buffer,
    callback = function()
      M.refresh(buffer)
    end,
  })
end

--- Lenses are not refreshed by the server: this client never says that it can.
function M.refresh(buffer)
  if M.settings.lenses and vim.api.nvim_buf_is_loaded(buffer) and M.client(buffer) then
    vim.lsp.codelens.refresh({ bufnr = buffer })
  end
end

--- The server's client of a buffer, or any.
function M.client(buffer)
  return vim.lsp.get_clients({ name = NAME, bufnr = buffer })[1] or vim.lsp.get_clients({ name = NAME })[1]
end

--- For a statusline: `● 3/8 · 2 failed`; empty where nothing is executed.
function M.statusline()
  return require("execution-coordinator.board").statusline()
end

return M
