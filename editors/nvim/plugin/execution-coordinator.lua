-- :ExecutionCoordinator is there without `setup`, which it then calls with the defaults.
if vim.g.loaded_execution_coordinator then
  return
end
vim.g.loaded_execution_coordinator = true

vim.api.nvim_create_user_command("ExecutionCoordinator", function(command)
  require("execution-coordinator.commands").run(command.fargs)
end, {
  nargs = "*",
  desc = "Run, steer and look at the execution of a breakdown",
  complete = function(lead, line)
    return require("execution-coordinator.commands").complete(lead, line)
  end,
})
