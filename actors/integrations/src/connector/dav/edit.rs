//! Changing a task in place: the lines that say whether it is done, and no other byte.

use super::wire::basic;
use oo_contracts::Timestamp;

/// Completes the task of a calendar object, or opens it again. `None` where it says so already, or where there is no task.
pub(super) fn completed(text: &str, done: bool, at: Timestamp) -> Option<String> {
    let lines = lines(text);
    let task = task(&lines)?;
    let own = own_lines(&lines, task);
    let has = |name: &str| own.iter().copied().find(|at| name_of(lines[*at]) == name);
    let says = |name: &str| has(name).map(|at| value_of(lines[at]));
    let is_done = match says("STATUS") {
        Some(status) => status.eq_ignore_ascii_case("COMPLETED"),
        None => has("COMPLETED").is_some(),
    };
    if is_done == done {
        return None;
    }
    let stamp = basic(at);
    let mut wanted = vec![("LAST-MODIFIED", Some(stamp.clone()))];
    if done {
        wanted.extend([
            ("STATUS", Some("COMPLETED".to_owned())),
            ("COMPLETED", Some(stamp)),
            ("PERCENT-COMPLETE", Some("100".to_owned())),
        ]);
    } else {
        wanted.extend([("STATUS", Some("NEEDS-ACTION".to_owned())), ("COMPLETED", None), ("PERCENT-COMPLETE", None)]);
    }
    let end = if lines[task.0].ends_with("\r\n") { "\r\n" } else { "\n" };
    let mut out = String::with_capacity(text.len() + 128);
    for (at, line) in lines.iter().enumerate() {
        // Properties come before the alarms and whatever else is in a task.
        if at == task.1 {
            for (name, value) in wanted.iter().filter(|(name, _)| has(name).is_none()) {
                out.extend(value.iter().flat_map(|value| [*name, ":", value, end]));
            }
        }
        match wanted.iter().find(|(name, _)| own.contains(&at) && name_of(line) == *name) {
            // Once: a second line of the same name is an error, and goes.
            Some((name, value)) if has(name) == Some(at) => {
                out.extend(value.iter().flat_map(|value| [*name, ":", value, end]));
            }
            Some(_) => {}
            None => out.push_str(line),
        }
    }
    Some(out)
}

/// Content lines with the lines that they are folded over, and their ends.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut begin = 0;
    for (at, _) in text.match_indices('\n') {
        let next = at + 1;
        if !text[next..].starts_with([' ', '\t']) {
            lines.push(&text[begin..next]);
            begin = next;
        }
    }
    if begin < text.len() {
        lines.push(&text[begin..]);
    }
    lines
}

/// Where the task begins that is no exception of a recurring one, and where its own properties end.
fn task(lines: &[&str]) -> Option<(usize, usize)> {
    let begins = |line: &str| name_of(line) == "BEGIN" && value_of(line).eq_ignore_ascii_case("VTODO");
    let first = lines.iter().enumerate().filter(|(_, line)| begins(line));
    for (begin, _) in first {
        let inside = lines.get(begin + 1..)?;
        let end = inside.iter().position(|line| matches!(name_of(line).as_str(), "BEGIN" | "END"))?;
        if !inside[..end].iter().any(|line| name_of(line) == "RECURRENCE-ID") {
            return Some((begin, begin + 1 + end));
        }
    }
    None
}

/// The lines that are properties of the task itself, also any after its alarms.
fn own_lines(lines: &[&str], task: (usize, usize)) -> Vec<usize> {
    let (mut own, mut depth) = (Vec::new(), 1);
    for (at, line) in lines.iter().enumerate().skip(task.0 + 1) {
        match name_of(line).as_str() {
            "BEGIN" => depth += 1,
            "END" => depth -= 1,
            _ if depth == 1 => own.push(at),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    own
}

fn name_of(line: &str) -> String {
    line.split([':', ';']).next().unwrap_or_default().trim().to_ascii_uppercase()
}

/// The value of a line whose parameters hold no colon, as those of the ones that are read here.
fn value_of(line: &str) -> &str {
    line.split_once(':').map_or("", |(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VTODO\r\nUID:1\r\n\
        SUMMARY;LANGUAGE=de:Steuer\r\n  erklärung\\, bald\r\nX-ODD;X-P=\"a:b;c\":va\r\n\tlue\r\nSTATUS:NEEDS-ACTION\r\n\
        PERCENT-COMPLETE:50\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nSTATUS:KEPT\r\nEND:VALARM\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";

    fn at() -> Timestamp {
        "2026-11-24T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn only_the_lines_that_say_it_change() {
        let done = completed(TASK, true, at()).unwrap();
        let wanted = TASK.replace("STATUS:NEEDS-ACTION", "STATUS:COMPLETED").replace(
            "PERCENT-COMPLETE:50\r\n",
            "PERCENT-COMPLETE:100\r\nLAST-MODIFIED:20261124T080000Z\r\nCOMPLETED:20261124T080000Z\r\n",
        );
        assert_eq!(done, wanted);
        let open = completed(&done, false, at()).unwrap();
        let wanted = TASK.replace("PERCENT-COMPLETE:50\r\n", "LAST-MODIFIED:20261124T080000Z\r\n");
        assert_eq!(open, wanted);
    }

    #[test]
    fn what_is_said_already_is_not_said_again() {
        let done = completed(TASK, true, at()).unwrap();
        assert_eq!(completed(&done, true, at()), None);
        assert_eq!(completed(TASK, false, at()), None);
        assert_eq!(completed("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n", true, at()), None);
        assert_eq!(completed("BEGIN:VTODO\nSTATUS:COM", true, at()), None, "cut off");
    }

    #[test]
    fn plain_line_ends_stay_plain_and_an_exception_is_left_alone() {
        let text = "BEGIN:VCALENDAR\nBEGIN:VTODO\nRECURRENCE-ID:20261101\nSTATUS:COMPLETED\nEND:VTODO\n\
            BEGIN:VTODO\nSUMMARY:a\nEND:VTODO\nEND:VCALENDAR";
        let done = completed(text, true, at()).unwrap();
        assert!(!done.contains('\r') && done.starts_with(&text[..text.find("SUMMARY").unwrap()]), "{done}");
        assert!(done.contains("SUMMARY:a\nLAST-MODIFIED:20261124T080000Z\nSTATUS:COMPLETED\n"), "{done}");
    }
}
