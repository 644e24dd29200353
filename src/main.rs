//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    execution_coordinator::cli::main()
}
