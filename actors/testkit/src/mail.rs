//! A mail server of one's own, aiosmtpd: it keeps what it is given.

use crate::eventually;
use oo_runtime::task;
use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A letter as the server was given it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Letter {
    pub to: String,
    /// What the server said to it.
    pub verdict: u16,
    pub from: String,
    pub subject: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    pub text: String,
    pub html: String,
}

impl Letter {
    /// Where a line of it leads that is for this.
    pub fn link(&self, what: &str) -> Option<&str> {
        self.text.split_whitespace().find(|word| word.contains(&format!("/#letter={what}.")))
    }

    /// What that link answers with.
    pub fn token(&self, what: &str) -> Option<String> {
        self.link(what)?.split_once(&format!("={what}.")).map(|(_, token)| token.to_owned())
    }

    /// The code that it brings.
    pub fn code(&self) -> String {
        self.subject.split_whitespace().next().unwrap_or_default().to_owned()
    }
}

/// The server. `mail_server.py` says what becomes of a letter by whom it is for.
pub struct MailServer {
    port: u16,
    letters: Arc<Mutex<Vec<Letter>>>,
    _child: Child,
}

impl MailServer {
    /// Starts it on a free port of this machine.
    pub async fn start() -> Self {
        Self::try_start().await.expect("a mail server: `cargo xtask setup` installs what it needs")
    }

    async fn try_start() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(root.join("../../.oo/python/bin/python"))
            .arg(root.join("src/mail_server.py"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = child.stdout.take().ok_or_else(|| anyhow::anyhow!("it says nothing"))?;
        let mut lines = BufReader::new(said).lines();
        let port = lines.next_line().await?.unwrap_or_default().parse()?;
        let letters = Arc::new(Mutex::new(vec![]));
        drop(task::spawn("letters", read(lines, letters.clone())));
        Ok(Self { port, letters, _child: child })
    }

    /// Settings by which a notifier gives its letters to this server.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        [
            ("OO_NOTIFIER__SMTP_URL", format!("smtp://127.0.0.1:{}", self.port)),
            ("OO_NOTIFIER__SMTP_FROM", "oO <oo@somebody.eu>".into()),
        ]
    }

    /// All that came since it was asked to forget.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what came.
    pub fn forget(&self) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until so many came for somebody.
    pub async fn arrives_to(&self, address: &str, times: usize) -> Vec<Letter> {
        let to = || self.letters().into_iter().filter(|letter| letter.to == address).collect::<Vec<_>>();
        eventually("the letter arrives", || async { Some(to()).filter(|all| all.len() >= times) }).await
    }
}

async fn read(mut lines: Lines<BufReader<ChildStdout>>, letters: Arc<Mutex<Vec<Letter>>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(letter) => letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter),
            Err(error) => panic!("the mail server says {line}: {error}"),
        }
    }
}
