//! Work that is left to clients: claimed, kept, reported, given back; by many at once.

use crate::client::Server;
use crate::support::{Workspace, ended, eventually};
use execution_coordinator::core::event::Event;
use execution_coordinator::engine::listener::{Address, connect};
use execution_coordinator::rpc::method;
use execution_coordinator::rpc::remote::call;
use execution_coordinator::workspace::execution_dir::ExecutionDir;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything is done by clients but the judging.
const CONFIG: &str = r#"
[execution]
max_parallel = 40
backoff = "1ms"
[environment]
pass = ["WORKSPACE"]
[agents.implementation-agent]
kind = "client"
[agents.test-developer]
kind = "client"
[agents.shop-expert]
kind = "client"
skills = ["shop"]
[agents.qa-reviewer]
kind = "client"
[[gates]]
name = "tests"
level = "task"
command = ["./test.sh", "{task}"]
"#;
/// A test is a file `test-N`; it passes when there is a file `done-N`.
const TEST: &str = "#!/bin/sh\ntest -e test-$1 || { echo 'no tests'; exit 0; }\nif test -e done-$1; then echo '1 passed, 0 failed'; else echo '0 passed, 1 failed'; exit 1; fi\n";
const PLAN: &str = "# Shop\n\n### Stream A: Base\n\n1. **Build the shop**\n\n2. **Open it**\n   - Dependencies: Task 1\n";

fn claim(client: &mut Server, more: Value) -> Value {
    client.result("task/claim", more)["work"].clone()
}

/// Claims as soon as there is something.
fn next(client: &mut Server) -> Value {
    loop {
        let work = claim(client, json!({"by": "parent"}));
        if !work.is_null() {
            return work;
        }
        client.notification("task/offered");
    }
}

#[test]
fn a_parent_does_all_the_work_by_the_book() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", CONFIG),
        ("breakdown.md", PLAN),
        ("test.sh", TEST),
    ]);
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    let mut roles = Vec::new();
    let mut sent_back = false;
    let result = loop {
        let work = next(&mut client);
        let (lease, brief) = (work["lease"].clone(), &work["brief"]);
        let (role, task) = (
            brief["role"].as_str().expect("a role"),
            brief["task"]["id"].as_str().unwrap_or("-").to_owned(),
        );
        roles.push(format!("{role} {task}"));
        assert!(work["text"].as_str().expect("Markdown").starts_with("# "), "{work}");
        let answer = match role {
            "consultation" => client.result(
                "task/report",
                json!({"lease": lease, "status": "complete", "summary": "Shops need shelves."}),
            ),
            "tests" => {
                if task == "1" {
                    assert_eq!(brief["consultations"][0]["text"], "Shops need shelves.");
                }
                workspace.write(&format!("test-{task}"), "");
                client.result(
                    "task/report",
                    json!({"lease": lease, "status": "complete", "summary": "one test"}),
                )
            }
            "implementation" => {
                workspace.write(&format!("done-{task}"), &brief["round"].to_string());
                let text = "## Implementation Complete\n\n### Status: ✅ Complete\n\n### Completed:\n- built it\n";
                client.result("task/report", json!({"lease": lease, "text": text}))
            }
            "review" if !sent_back => {
                sent_back = true;
                let finding = json!({"severity": "blocker", "text": "no door", "place": "done-1"});
                client.result(
                    "review/submit",
                    json!({"lease": lease, "verdict": "fail", "findings": [finding]}),
                )
            }
            _ => client.result(
                "review/submit",
                json!({"lease": lease, "verdict": "pass", "summary": "good"}),
            ),
        };
        assert_eq!(answer["accepted"], true, "{answer}");
        let again = client.result("task/report", json!({"lease": lease, "status": "failed"}));
        assert_eq!(again["accepted"], false, "a second word counts for nothing");
        if role == "final-review" {
            break client.notification("execution/result");
        }
    };
    expect_test::expect![[r#"
        consultation 1
        tests 1
        implementation 1
        review 1
        implementation 1
        review 1
        tests 2
        implementation 2
        review 2
        final-review -
    "#]]
    .assert_eq(&roles.iter().fold(String::new(), |mut all, role| {
        let _ = writeln!(all, "{role}");
        all
    }));
    assert_eq!(result["report"]["finalStatus"], "Complete", "{result}");
    assert_eq!(result["report"]["quality"]["testsFirstSeen"], 2);
    assert!(
        client.result("task/output", json!({"task": "a5"}))["text"]
            .as_str()
            .expect("text")
            .contains("built it")
    );
    assert_eq!(client.end().0, 0);
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn what_a_client_names_in_a_place_of_its_own_is_looked_at() {
    let config = "[execution]\ntests_first = \"off\"\nisolation = \"worktree\"\n[agents.implementation-agent]\nkind = \"client\"\n";
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", config),
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        (".gitignore", ".state/\n.execution-coordinator/\nlib/\n"),
    ]);
    crate::support::commit_all(&workspace);
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    let report = |client: &mut Server, files: &[&str], write: &str| {
        let work = next(client);
        let place =
            std::path::Path::new(work["brief"]["folder"].as_str().expect("a folder")).join(write);
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        std::fs::write(place, "x\n").expect("a file");
        client.result(
            "task/report",
            json!({"lease": work["lease"], "status": "complete", "files": files}),
        );
        work["brief"]["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|finding| finding["text"].to_string())
            .collect::<String>()
    };
    assert_eq!(report(&mut client, &["made"], "lib/made"), "");
    let finding = report(&mut client, &["made"], "made");
    assert!(finding.contains("no file was changed"), "{finding}");
    let result = client.notification("execution/result");
    assert_eq!(
        (&result["report"]["finalStatus"], &result["report"]["tasks"][0]["files"]),
        (&json!("Complete"), &json!(["made"])),
        "{result}"
    );
    assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0);
}

#[test]
fn what_a_client_has_changed_in_the_folder_that_all_share_is_seen() {
    let config = "[execution]\ntests_first = \"off\"\nisolation = \"none\"\n[agents.implementation-agent]\nkind = \"client\"\n";
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", config),
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
    ]);
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    let work = next(&mut client);
    client.result(
        "task/report",
        json!({"lease": work["lease"], "status": "complete", "files": ["made"]}),
    );
    let work = next(&mut client);
    assert!(work["brief"]["findings"].to_string().contains("no file was changed"), "{work}");
    workspace.write("made", "x\n");
    client.result("task/report", json!({"lease": work["lease"], "status": "complete"}));
    let report = client.notification("execution/result")["report"].take();
    assert_eq!(
        (&report["finalStatus"], &report["tasks"][0]["files"]),
        (&json!("Complete"), &json!(["made"])),
        "{report}"
    );
    assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0);
}

#[test]
fn what_is_late_given_back_or_not_for_the_caller_changes_nothing() {
    let plan = "# Shop\n\n### Stream A: Base\n\n1. **Build**\n";
    let config = "[execution]\nbackoff = \"1ms\"\nidle_timeout = \"300ms\"\n[agents.implementation-agent]\nkind = \"client\"\nskills = [\"rust\"]\n";
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", config), ("breakdown.md", plan)]);
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    assert!(claim(&mut client, json!({"agent": "somebody-else"})).is_null());
    assert!(claim(&mut client, json!({"skills": ["cobol"]})).is_null());
    assert!(
        client.answer("task/heartbeat", json!({"lease": "nonsense"}))["error"]["message"]
            .to_string()
            .contains("no lease")
    );
    let first = claim(&mut client, json!({"skills": ["Rust", "sql"]}));
    assert!(claim(&mut client, json!({})).is_null(), "one at a time");
    let back = client.result("task/release", json!({"lease": first["lease"], "why": "no time"}));
    assert_eq!(back["accepted"], true);
    let second = claim(&mut client, json!({}));
    assert_eq!((&first["lease"], &second["lease"]), (&json!("a1.1"), &json!("a1.2")));
    let late = client.result("task/report", json!({"lease": first["lease"], "status": "complete"}));
    assert_eq!(late["accepted"], false, "{late}");
    // Nothing is heard of it: it is offered again, as another order.
    let offer = client.notification_where("task/offered", |offer| offer["order"] == "a2");
    assert_eq!(offer["task"], "1");
    let late =
        client.result("task/report", json!({"lease": second["lease"], "status": "complete"}));
    assert!(late["why"].as_str().expect("a reason").contains("nothing was changed"), "{late}");
    let third = claim(&mut client, json!({"order": "a2"}));
    // The owner goes, the work does not.
    assert_eq!(client.end().0, 130);
    let mut client = Server::lines(&workspace, &[]);
    assert!(
        client.answer("task/claim", json!({}))["error"]["message"].to_string().contains("start it")
    );
    let told = client.result(
        "task/report",
        json!({"lease": third["lease"], "status": "complete", "summary": "built"}),
    );
    assert_eq!(told["accepted"], true, "{told}");
    client.result("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!(client.notification("execution/result")["report"]["finalStatus"], "Complete");
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn fifty_clients_at_once_never_get_the_same_work() {
    let mut plan = "# Shop\n\n### Stream A: Base\n".to_owned();
    (1..=200).for_each(|task| write!(plan, "\n{task}. **Part {task}**\n").expect("text"));
    let config =
        "[execution]\nmax_parallel = 60\n[agents.implementation-agent]\nkind = \"client\"\n";
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", config), ("breakdown.md", &plan)]);
    let run = workspace.start(&["run", "breakdown.md", "--deps", "explicit"]);
    let address = || Address::of_execution(&ExecutionDir::new(workspace.execution()));
    eventually("it has begun", || workspace.run(&["status"]).code == 0);
    eventually("it can be reached", || connect(&address()).is_ok());
    let address = address();
    let tasks: Vec<(String, String)> = std::thread::scope(|scope| {
        let client = |nth: usize| {
            let (address, workspace) = (address.clone(), &workspace);
            move || {
                let (mut done, mut idle) = (Vec::new(), 0);
                let by = format!("client {nth}");
                // Those that find nothing any more leave; while something is left, somebody has it.
                while idle < 50 {
                    let Ok(Some(claimed)) = call::<method::TaskClaim>(&address, &json!({"by": by}))
                    else {
                        break;
                    };
                    let Some(work) = claimed.work else {
                        idle += 1;
                        continue;
                    };
                    idle = 0;
                    let task = work.brief.task.expect("a task").id;
                    workspace.write(&format!("done-{task}"), &by);
                    let report = json!({"lease": work.lease, "status": "complete", "summary": by});
                    let told = call::<method::TaskReport>(&address, &report)
                        .expect("an answer")
                        .expect("an owner");
                    assert!(told.accepted, "{told:?}");
                    done.push((task, by.clone()));
                }
                done
            }
        };
        let threads: Vec<_> = (0..50).map(|nth| scope.spawn(client(nth))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a client")).collect()
    });
    let ended = ended(run.wait_with_output().expect("an end"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let by_task: BTreeMap<&str, &str> =
        tasks.iter().map(|(task, by)| (task.as_str(), by.as_str())).collect();
    assert_eq!((tasks.len(), by_task.len()), (200, 200));
    let claims = workspace
        .journal()
        .into_iter()
        .filter(|recorded| matches!(recorded.event, Event::Claimed { .. }))
        .count();
    assert_eq!(claims, 200);
    assert_eq!(workspace.run(&["audit"]).code, 0);
}
