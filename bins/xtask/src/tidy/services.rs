//! Every service has its crate, its program with a README, and its place in the compose file.

use super::File;
use std::collections::BTreeSet;

/// Crates in actors/ that are no services.
pub(super) const LIBRARIES: &[&str] = &["domain", "runtime", "testkit"];

/// What a service's README tells.
const HEADINGS: &[&str] = &["Purpose", "Wires", "Settings", "When it fails"];

/// The services, by the folders of actors/.
pub(super) fn names(files: &[File]) -> BTreeSet<&str> {
    let folders = files.iter().filter_map(|file| file.path.strip_prefix("actors/")?.strip_suffix("/Cargo.toml"));
    folders.filter(|name| !name.contains('/') && !LIBRARIES.contains(name)).collect()
}

/// What is missing of any service.
pub(super) fn complete(files: &[File]) -> Vec<String> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let mut broken = Vec::new();

    let services = names(files);
    if services.is_empty() {
        broken.push("actors/: no services found".to_owned());
    }
    let composed = text("compose/compose.yaml").map(compose_services);
    if composed.is_none() {
        broken.push("compose/compose.yaml is missing".to_owned());
    }
    for name in services {
        let main = format!("bins/{name}/src/main.rs");
        match text(&main) {
            None => broken.push(format!("{main} is missing: every service is a program")),
            Some(code) if !code.contains(&format!("oo_runtime::run(\"{name}\", oo_{name}::serve)")) => {
                broken.push(format!("{main}: let it only call `oo_runtime::run(\"{name}\", oo_{name}::serve)`"));
            }
            Some(_) => {}
        }
        let readme = format!("bins/{name}/README.md");
        match text(&readme) {
            None => broken.push(format!("{readme} is missing: say {}", HEADINGS.join(", "))),
            Some(told) => {
                let missing = HEADINGS.iter().filter(|heading| !has_section(told, heading));
                broken
                    .extend(missing.map(|heading| format!("{readme}: the section `## {heading}` is missing or empty")));
            }
        }
        if composed.as_ref().is_some_and(|composed| !composed.contains(name)) {
            broken.push(format!("compose/compose.yaml: the service `{name}` is missing"));
        }
    }
    broken
}

/// Whether a heading of the second level is there with something below it.
fn has_section(text: &str, heading: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| line.strip_prefix("## ").map(str::trim) != Some(heading)).skip(1);
    lines.find(|line| !line.trim().is_empty()).is_some_and(|line| !line.starts_with("## "))
}

/// The keys directly under `services:`.
fn compose_services(yaml: &str) -> BTreeSet<&str> {
    let body = yaml.lines().skip_while(|line| line.trim_end() != "services:").skip(1);
    let body = body.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    let keys = body.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with([' ', '#']));
    keys.filter_map(|line| line.split_once(':').map(|(name, _)| name.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    const README: &str = "# x\n\n## Purpose\n\na\n\n## Wires\n\nb\n\n## Settings\n\nc\n\n## When it fails\n\nd\n";
    const COMPOSE: &str = "x-base: &base\n  image: oo\nservices:\n  # the door\n  gateway:\n    <<: *base\n  nats:\n    image: nats\nvolumes:\n  data:\n";

    fn house() -> Vec<File> {
        vec![
            file("actors/domain/Cargo.toml", ""),
            file("actors/gateway/Cargo.toml", ""),
            file("bins/gateway/src/main.rs", "fn main() { oo_runtime::run(\"gateway\", oo_gateway::serve) }"),
            file("bins/gateway/README.md", README),
            file("compose/compose.yaml", COMPOSE),
        ]
    }

    fn after(change: impl FnOnce(&mut Vec<File>)) -> String {
        let mut files = house();
        change(&mut files);
        complete(&files).join("\n")
    }

    #[test]
    fn a_complete_service_breaks_nothing() {
        assert_eq!(complete(&house()), Vec::<String>::new());
    }

    #[test]
    fn what_a_service_lacks_is_found() {
        assert!(after(|files| files[2].text.clear()).contains("main.rs"));
        assert!(after(|files| files[3].text = README.replace("## Wires", "## Wire")).contains("`## Wires`"));
        assert!(after(|files| files[3].text = README.replace("\nd\n", "")).contains("`## When it fails`"));
        assert!(after(|files| files[4].text = COMPOSE.replace("  gateway:", "  door:")).contains("compose.yaml"));
        assert!(after(|files| _ = files.remove(4)).contains("compose.yaml is missing"));
        assert!(after(|files| _ = files.remove(3)).contains("README.md is missing"));
        assert!(after(|files| _ = files.remove(2)).contains("main.rs is missing"));
        assert!(
            after(|files| files.push(file("actors/new/Cargo.toml", ""))).contains("bins/new/src/main.rs is missing")
        );
    }

    #[test]
    fn a_volume_is_no_service() {
        assert_eq!(compose_services(COMPOSE), BTreeSet::from(["gateway", "nats"]));
    }
}
