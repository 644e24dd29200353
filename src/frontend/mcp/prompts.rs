//! Prompts that a person picks in the client.

use rmcp::ErrorData;
use rmcp::model::{JsonObject, Prompt, PromptArgument};

/// The prompts.
pub fn all() -> Vec<Prompt> {
    let path = || {
        PromptArgument::new("path")
            .with_description("The breakdown: a Markdown file")
            .with_required(true)
    };
    let agent = PromptArgument::new("agent")
        .with_description("The agent of the roster to act as")
        .with_required(false);
    vec![
        Prompt::new("plan", Some("Show what executing a breakdown would mean"), Some(vec![path()])),
        Prompt::new("execute", Some("Execute a breakdown and give its report"), Some(vec![path()])),
        Prompt::new(
            "work",
            Some("Act as an agent: claim work that is offered, and do it"),
            Some(vec![agent]),
        ),
    ]
}

/// What a prompt says.
///
/// # Errors
/// There is none of that name, or an argument is missing.
pub fn text(name: &str, arguments: &JsonObject) -> Result<String, ErrorData> {
    let argument = |name: &str| {
        arguments
            .get(name)
            .and_then(serde_json::Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let path = || {
        argument("path").ok_or_else(|| {
            ErrorData::invalid_params("`path` is missing: the breakdown's file", None)
        })
    };
    Ok(match name {
        "plan" => format!(
            "Call execution_plan with path {:?}. Say in a few sentences how many tasks, streams and gates there are, what runs in parallel, what the critical path is, and every problem with its line. Start nothing.",
            path()?
        ),
        "execute" => format!(
            "Call execution_start with path {:?}. Then call execution_await again and again until `ended` is true or `running` is false. Where `status.nextActions` asks for a decision, ask me; never approve a gate yourself. At the end give me `report.markdown` unchanged.",
            path()?
        ),
        "work" => {
            let agent =
                argument("agent").map_or(String::new(), |agent| format!(" with agent {agent:?}"));
            format!(
                "Act as an implementation agent. Call task_claim{agent}. Where it gives work, do what its text says in this workspace, call task_heartbeat with the lease at least once a minute, run the tests, and end with task_report (review_submit for a review). Say `complete` only when it is; otherwise `blocked` or `failed`, with the reason. Then claim again, until nothing is offered and the execution has ended."
            )
        }
        other => {
            return Err(ErrorData::invalid_params(format!("there is no prompt `{other}`"), None));
        }
    })
}
