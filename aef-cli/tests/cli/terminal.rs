//! Questions on a terminal.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::desk::Desk;
use crate::remote::Served;

/// Long enough for a browser to start on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

const SECRET: &str = "hunter2-hunter2";

/// Asks for a code that nobody may see.
const ASKING: &str = r#"
aef: 1
id: asking
steps:
  - id: code
    name: Which code came by mail?
    type: manual
    form: { type: object, required: [pin], properties: { pin: { type: string, writeOnly: true } } }
  - { id: done, type: end }
"#;

/// The person's side of a terminal.
struct Person {
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Person {
    /// A person, and the terminal for a process.
    fn sit_down() -> (Self, File) {
        let near: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&near).unwrap();
        unlockpt(&near).unwrap();
        let name = ptsname(&near, Vec::new()).unwrap();
        let terminal = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let keyboard = File::from(near);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        (Self { keyboard, shown, seen: String::new() }, terminal)
    }

    /// A person at the terminal of this command.
    fn at(mut command: Command) -> (Self, Child) {
        let (person, terminal) = Self::sit_down();
        command.stdin(Stdio::from(terminal.try_clone().unwrap()));
        command.stderr(Stdio::from(terminal)).stdout(Stdio::piped());
        (person, command.spawn().unwrap())
    }

    /// Reads until this stands on the screen.
    fn sees(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(shown) = self.shown.recv_timeout(left) else {
                panic!("`{text}` is not shown in\n{}", self.seen)
            };
            self.seen.push_str(&String::from_utf8_lossy(&shown));
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").unwrap();
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO)
    }
}

#[test]
fn what_is_secret_is_not_shown_while_it_is_typed() {
    let desk = Desk::new();
    fs::write(desk.path().join("asking.aef.yaml"), ASKING).unwrap();
    let (mut person, mut run) = Person::at(desk.aef(&["run", "asking.aef.yaml"]));

    person.sees("done/");
    assert!(person.echoes());
    person.types("done");
    person.sees("pin > ");
    assert!(!person.echoes(), "what is typed now is not shown");
    person.types(SECRET);
    person.sees("completed");
    assert!(person.echoes(), "what is typed from here on is shown again");
    let mut stdout = String::new();
    run.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert!(run.wait().unwrap().success());
    assert!(!person.seen.contains(SECRET) && !stdout.contains(SECRET), "{}\n{stdout}", person.seen);
    for file in ["aef.db", "aef.db-wal"] {
        let bytes = fs::read(desk.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{file} holds it");
    }
}

/// Asks whether to go on, and for a code.
const ASKING_TWICE: &str = r#"
aef: 1
id: asking-twice
steps:
  - id: ask
    checkpoint: { before: { title: "Go on?" } }
    outputs: { one: "1" }
  - id: code
    name: Which code came by mail?
    type: manual
    form: { type: object, required: [pin], properties: { pin: { type: integer, minimum: 10 } } }
  - { id: done, type: end, result: { one: "{{ one }}" } }
"#;

#[test]
fn questions_of_a_server_are_asked_like_those_of_this_machine() {
    let served = Served::new();
    let file = "asking-twice.aef.yaml";
    let here = Desk::new();
    let mut told = Vec::new();
    for desk in [&here, &served.desk] {
        fs::write(desk.path().join(file), ASKING_TWICE).unwrap();
        let mut command = desk.aef(&["run", file]);
        if !std::ptr::eq(desk, &here) {
            command.env("AEF_SERVER", &served.url).env("AEF_API_KEY", &served.key);
        }
        let (mut person, mut run) = Person::at(command);
        person.sees("? Go on?");
        person.sees("[approve/");
        person.types("perhaps");
        person.sees("Type one of these words");
        person.types("app");
        person.sees("? Which code came by mail?");
        person.sees("done/");
        person.types("done");
        person.sees("pin > ");
        person.types("7");
        person.sees("that was not taken");
        // What did not fit is asked again.
        person.seen.clear();
        person.sees("done/");
        person.types("done");
        person.sees("pin > ");
        person.types("4711");
        person.sees("completed");
        let mut stdout = String::new();
        run.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        assert!(run.wait().unwrap().success(), "{stdout}");
        assert!(stdout.contains("\"one\""), "{stdout}");
        told.push(stdout);
    }
    assert_eq!(told[0], told[1]);
}

#[test]
fn who_leaves_a_servers_question_leaves_the_execution_to_go_on() {
    let served = Served::new();
    fs::write(served.desk.path().join("asking.aef.yaml"), ASKING).unwrap();
    let mut command = served.desk.aef(&["run", "asking.aef.yaml"]);
    command.env("AEF_SERVER", &served.url).env("AEF_API_KEY", &served.key);
    let (mut person, mut run) = Person::at(command);
    person.sees("done/");
    person.types("done");
    person.sees("pin > ");
    assert!(!person.echoes());
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    person.sees("it goes on without you");
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(person.echoes(), "the terminal is as it was");
}
