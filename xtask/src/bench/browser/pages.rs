//! The pages of `benches/browser/pages`, served to every side.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use crate::command::{self, Failure};

/// Their names, which are all that is served.
const NAMES: [&str; 3] = ["controls.html", "form.html", "list.html"];

/// Serves them, and gives their origin. It ends with the process.
pub(super) fn serve() -> Result<String, Failure> {
    let folder = command::root().join("benches/browser/pages");
    let mut pages = Vec::new();
    for name in NAMES {
        let file = folder.join(name);
        pages.push((name, std::fs::read(&file).map_err(Failure::file(&file))?));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
        let origin = format!("http://{}", listener.local_addr()?);
        Ok((listener, origin))
    });
    let (listener, origin) = listener.map_err(Failure::file(Path::new("a port of this machine")))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser that hangs up needs no answer.
            let _ = answer(&stream, &pages);
        }
    });
    Ok(origin)
}

/// Answers one request.
fn answer(stream: &TcpStream, pages: &[(&str, Vec<u8>)]) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // All of the head, or closing the connection would discard the answer.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let name = path.trim_start_matches('/').split('?').next().unwrap_or_default();
    let (status, body) = pages
        .iter()
        .find(|(page, _)| *page == name)
        .map_or(("404 Not Found", &[][..]), |(_, body)| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
