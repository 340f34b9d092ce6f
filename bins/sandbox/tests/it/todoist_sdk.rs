//! Todoist's stand-in, judged by Todoist's own SDK, which checks every answer against its schemas.

use super::world_with;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn todoists_own_sdk_finds_nothing_wrong() {
    let world = world_with(|options| options.sample = false).await;
    let code = world.todoist_code().await;
    world.sandbox.todoist().add_task("there before", serde_json::json!({"due_date": "2026-11-30", "priority": 4}));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sdk = Command::new("node")
        .arg(here.join("tests/todoist_sdk.mjs"))
        .env("OO_NODE_MODULES", here.join("../../.oo/node/node_modules"))
        .env("OO_TODOIST", world.at("todoist").as_str())
        .env("OO_CODE", code)
        .env("OO_VERIFIER", super::VERIFIER)
        .env("OO_BACK", super::BACK)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("node: `cargo xtask setup` installs it");
    let (said, wrong) = (String::from_utf8_lossy(&sdk.stdout), String::from_utf8_lossy(&sdk.stderr));
    assert!(sdk.status.success(), "`cargo xtask setup` installs the SDK\n{said}\n{wrong}");
    assert_eq!(said.trim().lines().last(), Some("all is well"), "{said}");
    // What the SDK did is there.
    let tasks = world.sandbox.todoist().tasks();
    assert!(tasks.iter().any(|task| task.content == "of the SDK, later" && !task.checked && task.priority == 4));
}
