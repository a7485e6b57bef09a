//! `cargo xtask api-fuzz`: schemathesis against a running server, by the description that the server itself gives.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use clap::Args;

use crate::command::{self, Failure};
use crate::{binary, setup};

/// The tool, in the version whose findings are known.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// What is held: no 5xx, no status, type, header or body that the description does not know.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// What the host's services share, for this run.
const SECRET: &str = "only for this run on loopback";

/// Whose things are asked for.
const OWNER: &str = "fuzz";

/// So often may be asked: the limits have tests of their own, and would hide everything else.
const PLENTY: u32 = 1_000_000;

/// Documents that need no page, so that executions run, wait, fail and end within the time of a request.
const DOCUMENTS: [(&str, &str); 2] = [
    (
        "fuzz-ends",
        "aef: 1\nid: fuzz-ends\ninputs: { type: object, properties: { who: { type: string } } }\n\
         steps: [ { id: greet, outputs: { hello: \"'hello'\" } }, { id: done, type: end } ]\n",
    ),
    (
        "fuzz-asks",
        "aef: 1\nid: fuzz-asks\n\
         steps: [ { id: ask, checkpoint: { before: { title: Go on? } }, outputs: { one: '1' } } ]\n",
    ),
];

/// How the server is asked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many cases at most are made for each call and phase.
    #[arg(long, default_value_t = 40)]
    examples: u32,
    /// With which seed: the same one makes the same cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// An `aef` that is built already.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// A server on a database of its own, which ends with this.
struct Server {
    process: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked to end, it ends its browser first; killed, it would leave it behind.
        let asked = command::program("kill").arg(self.process.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}

/// Runs schemathesis; fails on any finding.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let aef = match &options.binary {
        Some(binary) => binary.clone(),
        None => binary::aef()?,
    };
    let tool = install()?;
    let directory = binary::target().join("api-fuzz");
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::file(&directory)(error));
        }
        Ok(()) | Err(_) => {}
    }
    fs::create_dir_all(&directory).map_err(Failure::file(&directory))?;
    let server = start(&aef, &directory)?;
    println!("api-fuzz: the server is {}", server.url);
    let executions = seed(&aef, &directory)?;
    // First with whatever the tool makes up, which is most often not there; then with what there is.
    schemathesis(&tool, &directory, &server, options, None)?;
    schemathesis(&tool, &directory, &server, options, Some(&executions))?;
    println!("api-fuzz: nothing was found with seed {}", options.seed);
    Ok(())
}

/// Installs the tool for this workspace alone; gives its program.
fn install() -> Result<PathBuf, Failure> {
    let venv = binary::target().join("schemathesis");
    let tool = venv.join("bin/schemathesis");
    if !tool.is_file() {
        command::run(command::program("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let mut pip = command::program(venv.join("bin/pip"));
    command::run(pip.args(["install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS]))?;
    Ok(tool)
}

fn start(aef: &Path, directory: &Path) -> Result<Server, Failure> {
    let mut serve = command::program(aef);
    serve
        .current_dir(directory)
        .env(setup::CHROMIUM, setup::chromium()?)
        .env("AEF_INTERNAL_SECRET", SECRET)
        .args(["serve", "--listen=127.0.0.1:0", "--store=aef.db", "--metrics"])
        .args(["address", "reads", "writes", "starts"].map(|name| format!("--rate={name}={PLENTY}")))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if setup::is_root()? {
        serve.arg("--no-sandbox");
    }
    let program = command::shown(&serve);
    let mut process = serve.spawn().map_err(|source| Failure::NotStarted { program, source })?;
    let mut line = String::new();
    let mut output = BufReader::new(process.stdout.take().expect("its output is piped"));
    output.read_line(&mut line).map_err(Failure::file(aef))?;
    match line.trim().strip_prefix("listening on ") {
        Some(url) => Ok(Server { url: url.to_owned(), process }),
        None => {
            drop(Server { process, url: String::new() });
            Err(Failure::Wrong(format!("the server said {line:?} instead of where it listens")))
        }
    }
}

/// Keeps the documents and submits each; gives the executions.
fn seed(aef: &Path, directory: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut executions = Vec::new();
    for (id, yaml) in DOCUMENTS {
        let path = directory.join(format!("{id}.aef.yaml"));
        fs::write(&path, yaml).map_err(Failure::file(&path))?;
        let mut submit = command::program(aef);
        submit.current_dir(directory).args(["submit", "--store=aef.db", "--owner", OWNER]).arg(&path);
        executions.push((id.to_owned(), command::read(&mut submit)?.trim().to_owned()));
    }
    Ok(executions)
}

/// Runs the tool once. With executions, the ids in paths are those of what there is, else made up.
fn schemathesis(
    tool: &Path,
    directory: &Path,
    server: &Server,
    options: &Options,
    known: Option<&[(String, String)]>,
) -> Result<(), Failure> {
    let config = directory.join("schemathesis.toml");
    fs::write(&config, known.map_or_else(String::new, parameters)).map_err(Failure::file(&config))?;
    let mut run = command::program(tool);
    run.current_dir(directory)
        .arg("--config-file")
        .arg(&config)
        .args(["run", &format!("{}/api/openapi.json", server.url)])
        .args(["--checks", CHECKS, "--workers=1", "--no-color", "--continue-on-failure"])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .arg(format!("--max-examples={}", options.examples))
        .arg(format!("--seed={}", options.seed))
        .args(["--request-timeout=120", "--suppress-health-check=all", "--generation-database=none"])
        .args(["--header", &format!("X-Internal-Auth: {SECRET}")])
        .args(["--header", &format!("X-AEF-Owner: {OWNER}")]);
    command::run(&mut run)
}

/// The tool's settings that put what there is into paths: an execution that asks, and one that ends.
fn parameters(known: &[(String, String)]) -> String {
    let (document, execution) = known.last().map_or(("", ""), |(document, id)| (document, id));
    let groups = [
        (r"^/api/aef/executions/\{id\}", "id", execution),
        (r"^/api/aef/.*\{executionId\}", "executionId", execution),
        (r"^/engines-api/.*\{executionId\}", "executionId", execution),
        (r"^/engines-api/\{id\}/resume", "id", execution),
        (r"^/engines-api/\{id\}(/execute|/form)?$", "id", document),
        (r"^/api/aef/documents/\{id\}", "id", document),
    ];
    let table = |(pattern, name, value): (&str, &str, &str)| {
        format!(
            "[[operations]]\ninclude-path-regex = '{pattern}'\nparameters = {{ \"path.{name}\" = \"{value}\" }}\n\n"
        )
    };
    groups.into_iter().map(table).collect()
}
