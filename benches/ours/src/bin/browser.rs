//! AEF behind the line protocol of `cargo xtask bench browser`: `browser WS ORIGIN FOLDER`. Actions are performed on a
//! session; the journalled procedure is a document that a worker runs, with a SQLite store in the folder.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aef::browser::{
    ActionRequest, Browser, CaptureRequest, InputGate, NavigationPolicy, Performed, SecretSource, Session,
    SessionOptions,
};
use aef::cdp::{CdpBrowser, ConnectOptions};
use aef::document::{Action, BrowserConfig, Document, ImageFormat};
use aef::engine::{
    Engine, HostPolicy, Outcome, PrivateOrigins, Shutdown, SubmitOptions, Worker, WorkerOptions,
};
use aef::execution::Status;
use aef::ids::ExecutionId;
use aef::plan::Plan;
use aef::secrets::{SecretError, SecretString};
use aef::sqlite::{SqliteOptions, SqliteStore};
use aef_bench_protocol::{Failure, Reply, Request, micros, serve};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

/// What this side can be asked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    Click,
    Fill,
    Select,
    Wait,
    Extract,
    Screenshot,
    Navigate,
    Context,
    Form,
    Journalled,
}

/// No action here takes a secret.
#[derive(Debug)]
struct NoSecrets;

#[async_trait]
impl SecretSource for NoSecrets {
    async fn reveal(&self, name: &str, _: &str) -> Result<SecretString, SecretError> {
        Err(SecretError::Missing { name: name.to_owned(), help: "the benchmark has none".to_owned() })
    }
}

struct Bench {
    browser: Arc<CdpBrowser>,
    origin: String,
    engine: Engine,
    procedure: Plan,
}

impl Bench {
    async fn open(ws: &str, origin: &str, folder: &str) -> Result<Self, Failure> {
        let browser = Arc::new(CdpBrowser::connect(ws, ConnectOptions::default()).await?);
        let store = SqliteStore::open(Path::new(folder).join("browser.db"), SqliteOptions::default()).await?;
        let policy = HostPolicy { private_origins: PrivateOrigins::AsDocuments, ..HostPolicy::default() };
        let engine = Engine::builder(Arc::new(store)).browser(browser.clone()).policy(policy).build();
        let mut actions = vec![json!({ "action": "navigate", "url": format!("{origin}/form.html") })];
        actions.extend(form());
        let document = json!({
            "aef": 1,
            "id": "form",
            "config": { "browser": { "allowedOrigins": [origin] } },
            "steps": [{
                "id": "fill",
                "actions": actions,
                "verify": [{ "text": { "target": { "css": "#sent" }, "equals": "49" } }],
            }],
        });
        let procedure = engine.compile(&Document::from_yaml(&document.to_string())?)?;
        Ok(Self { browser, origin: origin.to_owned(), engine, procedure })
    }

    fn worker(&self) -> Worker {
        self.engine.worker(WorkerOptions::default())
    }

    async fn take(&self, request: Request<Measure>) -> Result<Reply, Failure> {
        let count = request.steps;
        let samples = match request.measure {
            Measure::Click => self.click(count).await?,
            Measure::Fill => {
                let fill = |at| json!({ "action": "fill", "target": { "css": "#name" }, "value": format!("Ada {at}") });
                self.repeat("controls", count, fill).await?
            }
            Measure::Select => {
                let size = |at: usize| ["large", "small"][at % 2];
                let select =
                    |at| json!({ "action": "select", "target": { "css": "#size" }, "value": size(at) });
                self.repeat("controls", count, select).await?
            }
            Measure::Wait => self.wait(count).await?,
            Measure::Extract => self.extract(count).await?,
            Measure::Screenshot => self.screenshot(count).await?,
            Measure::Navigate => {
                let url = |at| format!("{}/controls.html?{at}", self.origin);
                self.repeat("list", count, |at| json!({ "action": "navigate", "url": url(at) })).await?
            }
            Measure::Context => self.context(count).await?,
            Measure::Form => self.form(count).await?,
            Measure::Journalled => self.journalled(count).await?,
        };
        Ok(samples.into())
    }

    async fn click(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let page = self.page("controls").await?;
        let samples = page.times(count, |_| click("#count")).await?;
        page.demand("#counted", &count.to_string()).await?;
        page.close().await?;
        Ok(samples)
    }

    /// From the moment when it appears to that when it is noticed.
    async fn wait(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let page = self.page("controls").await?;
        let appears = action(json!({
            "action": "wait_for", "condition": { "visible": { "css": "#late" } },
        }))?;
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            page.perform(&action(click("#later"))?).await?;
            page.perform(&appears).await?;
            let noticed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            let appeared: f64 = page.text("#late").await?.parse()?;
            samples.push(noticed.as_secs_f64() * 1e6 - appeared * 1e3);
        }
        page.close().await?;
        Ok(samples)
    }

    async fn extract(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let page = self.page("list").await?;
        let texts = json!({ "action": "extract", "list": { "css": ".item" }, "fields": { "text": {} }, "as": "texts" });
        let texts = action(texts)?;
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            let read = page.perform(&texts).await?;
            samples.push(micros(start, Instant::now()));
            let read = read.value.as_ref().and_then(Value::as_array).map(Vec::len);
            if read != Some(50) {
                return Err(format!("{read:?} texts instead of 50").into());
            }
        }
        page.close().await?;
        Ok(samples)
    }

    async fn screenshot(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let page = self.page("list").await?;
        let request = CaptureRequest { screenshot: Some(ImageFormat::Png), ..CaptureRequest::default() };
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            let capture = page.0.capture(request.clone()).await?;
            samples.push(micros(start, Instant::now()));
            capture.screenshot.ok_or("no picture was taken")?;
        }
        page.close().await?;
        Ok(samples)
    }

    async fn context(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let mut opened = Vec::with_capacity(count);
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            opened.push(self.session().await?);
            samples.push(micros(start, Instant::now()));
        }
        for page in opened {
            page.close().await?;
        }
        Ok(samples)
    }

    /// Each a context of its own, a navigation and 50 actions.
    async fn form(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            let page = self.page("form").await?;
            for entry in form() {
                page.perform(&action(entry)?).await?;
            }
            page.demand("#sent", "49").await?;
            samples.push(micros(start, Instant::now()));
            page.close().await?;
        }
        Ok(samples)
    }

    /// The same as a durable execution, from the call that submits it to its end.
    async fn journalled(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let scope = self.engine.scope("bench");
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            let run = scope.submit(&self.procedure, json!({}), SubmitOptions::default()).await?;
            match run.wait().await? {
                Outcome::Finished(result) if result.status == Status::Completed => {}
                other => return Err(format!("it did not complete: {other:?}").into()),
            }
            samples.push(micros(start, Instant::now()));
        }
        Ok(samples)
    }

    async fn repeat(
        &self,
        name: &str,
        count: usize,
        each: impl Fn(usize) -> Value,
    ) -> Result<Vec<f64>, Failure> {
        let page = self.page(name).await?;
        let samples = page.times(count, each).await?;
        page.close().await?;
        Ok(samples)
    }

    /// A page of a context of its own.
    async fn page(&self, name: &str) -> Result<Page, Failure> {
        let page = self.session().await?;
        let url = format!("{}/{name}.html", self.origin);
        page.perform(&action(json!({ "action": "navigate", "url": url }))?).await?;
        Ok(page)
    }

    async fn session(&self) -> Result<Page, Failure> {
        let options = SessionOptions {
            execution: ExecutionId::generate(),
            config: BrowserConfig::default(),
            timezone: None,
            policy: NavigationPolicy {
                allowed_origins: vec![self.origin.clone()],
                allowed_private_origins: vec![self.origin.clone()],
                ..NavigationPolicy::default()
            },
            restore: None,
            url: None,
        };
        Ok(Page(self.browser.open(options).await?))
    }
}

struct Page(Arc<dyn Session>);

impl Page {
    async fn perform(&self, action: &Action) -> Result<Performed, Failure> {
        let request = ActionRequest {
            action: action.clone(),
            timeout: Duration::from_secs(10),
            gate: InputGate::open(),
            secrets: Arc::new(NoSecrets),
            files: Vec::new(),
        };
        Ok(self.0.perform(request).await?)
    }

    async fn times(&self, count: usize, each: impl Fn(usize) -> Value) -> Result<Vec<f64>, Failure> {
        let mut samples = Vec::with_capacity(count);
        for at in 0..count {
            let action = action(each(at))?;
            let start = Instant::now();
            self.perform(&action).await?;
            samples.push(micros(start, Instant::now()));
        }
        Ok(samples)
    }

    async fn text(&self, css: &str) -> Result<String, Failure> {
        let read = action(json!({ "action": "extract", "target": { "css": css }, "as": "text" }))?;
        let value = self.perform(&read).await?.value;
        Ok(value.as_ref().and_then(Value::as_str).ok_or("there is no text")?.to_owned())
    }

    async fn demand(&self, css: &str, wanted: &str) -> Result<(), Failure> {
        let found = self.text(css).await?;
        if found == wanted { Ok(()) } else { Err(format!("{found} instead of {wanted}").into()) }
    }

    async fn close(&self) -> Result<(), Failure> {
        Ok(self.0.close().await?)
    }
}

/// The 50 actions.
fn form() -> Vec<Value> {
    let target = |kind: char, at: i32| json!({ "css": format!("#{kind}{at}") });
    let fills = (0..24)
        .map(|at| json!({ "action": "fill", "target": target('f', at), "value": format!("Value {at}") }));
    let selects = (0..10).map(|at| json!({ "action": "select", "target": target('s', at), "value": "b" }));
    let checks = (0..15).map(|at| json!({ "action": "check", "target": target('c', at) }));
    fills.chain(selects).chain(checks).chain([click("#send")]).collect()
}

fn click(css: &str) -> Value {
    json!({ "action": "click", "target": { "css": css } })
}

fn action(said: Value) -> Result<Action, Failure> {
    Ok(serde_json::from_value(said)?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ws, origin, folder] = &arguments[..] else {
        return Err("usage: browser WS ORIGIN FOLDER".into());
    };
    let bench = Bench::open(ws, origin, folder).await?;
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(bench.worker().run(shutdown.clone()));
    serve(async |request| bench.take(request).await).await?;
    shutdown.begin();
    worker.await?;
    Ok(())
}
