//! Real CalDAV servers, and a door before them that tells what was asked, answers out of turn, and stands in for what of a
//! Nextcloud is not CalDAV.

use oo_runtime::{engines, task};
use oo_testkit::{eventually, http};
use reqwest::{Method, Response};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "MARKERPASSWORD-1";

/// A CalDAV server with one person and a folder that goes with it.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Where the person's calendars are.
    pub(crate) home: String,
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    /// Radicale, which asks for a password.
    pub(crate) async fn radicale() -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), engines::free_port().unwrap());
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(at("users"), format!("{USER}:{PASSWORD}\n")).unwrap();
        let config = format!(
            "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {}\n\
             htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {}\n",
            at("users"),
            at("data")
        );
        std::fs::write(at("config"), config).unwrap();
        let arguments = ["--config".to_owned(), at("config")];
        Self::start("radicale", &arguments, dir, port, "/ada/").await
    }

    /// Xandikos, which lets everybody in.
    pub(crate) async fn xandikos() -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), engines::free_port().unwrap());
        let data = dir.path().join("data").display().to_string();
        let port_text = port.to_string();
        let arguments = [
            "serve",
            "-l",
            "127.0.0.1",
            "-p",
            &port_text,
            "-d",
            &data,
            "--defaults",
            "--current-user-principal",
            "/ada/",
        ];
        Self::start("xandikos", &arguments.map(str::to_owned), dir, port, "/ada/calendars/").await
    }

    async fn start(name: &str, arguments: &[String], dir: tempfile::TempDir, port: u16, home: &str) -> Self {
        let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.oo/python/bin").join(name);
        assert!(bin.exists(), "{name} is missing: `cargo xtask setup` installs it");
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = engines::dies_with_us(bin)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { url: format!("http://127.0.0.1:{port}"), home: home.to_owned(), child, dir };
        eventually(name, || async { TcpStream::connect(("127.0.0.1", port)).await.ok() }).await;
        server
    }

    /// Makes a calendar, or a task list, or both in one.
    pub(crate) async fn calendar(&self, name: &str, kinds: &[&str]) {
        let kinds: String = kinds.iter().map(|kind| format!("<C:comp name=\"{kind}\"/>")).collect();
        let body = format!(
            "<C:mkcalendar xmlns=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><set><prop>\
             <C:supported-calendar-component-set>{kinds}</C:supported-calendar-component-set></prop></set></C:mkcalendar>"
        );
        let answer = self.send("MKCALENDAR", name, Some(("application/xml", body))).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    /// Puts an object, as another app of the person would.
    pub(crate) async fn put(&self, path: &str, text: &str) {
        let answer = self.send("PUT", path, Some(("text/calendar; charset=utf-8", text.to_owned()))).await;
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    pub(crate) async fn delete(&self, path: &str) {
        assert!(self.send("DELETE", path, None).await.status().is_success());
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.send("GET", path, None).await.text().await.unwrap()
    }

    /// Moves an object into another calendar.
    pub(crate) async fn relocate(&self, from: &str, to: &str) {
        let request = self.request("MOVE", from).header("destination", format!("{}{}{to}", self.url, self.home));
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// The password is another one from now on.
    pub(crate) fn change_password(&self) {
        std::fs::write(self.dir.path().join("users"), format!("{USER}:another\n")).unwrap();
    }

    /// Stops answering, as a server that is down.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    async fn send(&self, method: &str, path: &str, body: Option<(&str, String)>) -> Response {
        let mut request = self.request(method, path);
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        request.send().await.unwrap()
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        http().request(method, format!("{}{}{path}", self.url, self.home)).basic_auth(USER, Some(PASSWORD))
    }
}

/// A request as it came to the door.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }
}

/// An answer of the door's own: status, headers, body.
pub(crate) struct Said(pub(crate) u16, pub(crate) Vec<(&'static str, String)>, pub(crate) String);

type Answer = dyn Fn(&Asked) -> Option<Said> + Send + Sync;

/// A door: what it does not answer itself goes to the server behind it, below the folder `/remote.php/dav`.
pub(crate) struct Door {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// The name of a property that the server behind is not to have.
    hidden: Arc<Mutex<Option<&'static str>>>,
}

impl Door {
    pub(crate) async fn open(
        behind: Option<String>,
        answer: impl Fn(&str, &Asked) -> Option<Said> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let hidden: Arc<Mutex<Option<&'static str>>> = Arc::default();
        let (own, here, hide) = (asked.clone(), url.clone(), hidden.clone());
        let answer: Arc<Answer> = Arc::new(move |asked| answer(&here, asked));
        drop(task::spawn("door", async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (own, answer, behind, hide) = (own.clone(), answer.clone(), behind.clone(), hide.clone());
                drop(task::spawn("one at the door", async move {
                    serve(caller, &own, answer.as_ref(), behind, &hide).await
                }));
            }
        }));
        Self { url, asked, hidden }
    }

    /// Nothing behind this door has that property from now on.
    pub(crate) fn hide(&self, property: &'static str) {
        *self.hidden.lock().unwrap() = Some(property);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut caller: TcpStream,
    all: &Mutex<Vec<Asked>>,
    answer: &Answer,
    behind: Option<String>,
    hidden: &Mutex<Option<&'static str>>,
) -> Option<()> {
    let asked = read(&mut caller).await?;
    all.lock().unwrap().push(asked.clone());
    let Said(status, headers, body) = match answer(&asked) {
        Some(said) => said,
        None => forward(&asked, &behind?).await?,
    };
    let hidden = *hidden.lock().unwrap();
    let body = hidden.map_or(body.clone(), |name| body.replace(name, "hidden"));
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    caller.write_all(head.as_bytes()).await.ok()?;
    caller.write_all(body.as_bytes()).await.ok()
}

async fn read(caller: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if caller.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ').map(str::to_owned);
        let headers: Vec<_> =
            lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
        let length = headers.iter().find(|header| header.0 == "content-length").and_then(|one| one.1.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            let (method, path, body) = (first.next()?, first.next()?, body.to_owned());
            return Some(Asked { method, path, headers, body });
        }
    }
}

async fn forward(asked: &Asked, behind: &str) -> Option<Said> {
    const FOLDER: &str = "/remote.php/dav";
    let path = asked.path.strip_prefix(FOLDER)?;
    let mut request = http().request(Method::from_bytes(asked.method.as_bytes()).ok()?, format!("{behind}{path}"));
    for name in ["authorization", "depth", "content-type", "if-match"] {
        request = asked.header(name).into_iter().fold(request, |request, value| request.header(name, value));
    }
    let answer = request.header("x-script-name", FOLDER).body(asked.body.clone()).send().await.ok()?;
    let headers = ["etag", "content-type", "location"]
        .into_iter()
        .filter_map(|name| Some((name, answer.headers().get(name)?.to_str().ok()?.to_owned())));
    Some(Said(answer.status().as_u16(), headers.collect(), answer.text().await.ok()?))
}
