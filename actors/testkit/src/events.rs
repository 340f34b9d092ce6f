//! A page's live stream, read as a browser reads it.

use reqwest::Response;

/// Server-sent events, one by one.
pub struct Events {
    answer: Response,
    read: Vec<u8>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: String,
}

impl Events {
    /// Those that an answer brings.
    pub fn of(answer: Response) -> Self {
        Self { answer, read: Vec::new() }
    }

    /// The next one that says something; comments are passed over. None when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.read.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                let field = |name: &str| {
                    let value = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    value.map(|value| value.trim().to_owned())
                };
                if let Some(data) = field("data") {
                    let (name, id) = (field("event").unwrap_or_default(), field("id").unwrap_or_default());
                    return Some(Event { name, id, data });
                }
                continue;
            }
            let more = self.answer.chunk().await.ok()??;
            self.read.extend_from_slice(&more);
        }
    }
}
