//! AEF's HTTP surface, and the bare framework, behind the line protocol of `cargo xtask bench http`:
//! `http sqlite FOLDER`, `http postgres URL` or `http bare`. Server and clients share the process; nobody performs what is
//! submitted.

mod bare;
mod fan_out;
mod load;
mod ours;

use std::net::{Ipv4Addr, SocketAddr};

use aef_bench_protocol::{Failure, Reply, Request, serve};
use axum::Router;
use serde::Deserialize;
use tokio::net::TcpListener;

use self::fan_out::{FanOut, Watched};
use self::load::{Call, drive};
use self::ours::Ours;

/// How many executions are watched, and how many watch each.
const EXECUTIONS: usize = 100;
const WATCHERS: usize = 10;

/// What a side can be asked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    /// Has so many executions be there.
    Grow,
    Submit,
    SubmitRate,
    Status,
    StatusRate,
    List,
    ListRate,
    FanOut,
}

/// Who serves.
enum Side {
    Ours(Box<Ours>),
    Bare,
}

impl Side {
    fn submit(&self) -> Call {
        match self {
            Self::Ours(ours) => ours.submit(),
            Self::Bare => Call::post("/execute".to_owned(), "{}".to_owned()),
        }
    }

    fn status(&self) -> Call {
        match self {
            Self::Ours(ours) => ours.status(),
            Self::Bare => Call::get(["/status".to_owned()]),
        }
    }

    fn list(&self) -> Call {
        match self {
            Self::Ours(_) => Ours::list(),
            Self::Bare => Call::get(["/list".to_owned()]),
        }
    }
}

impl Watched for Side {
    fn socket(&self, execution: usize) -> String {
        match self {
            Self::Ours(ours) => ours.socket(execution),
            Self::Bare => format!("/live/{execution}"),
        }
    }

    fn act(&self, execution: usize, pauses: bool) -> (Call, &'static str) {
        match self {
            Self::Ours(ours) => ours.act(execution, pauses),
            Self::Bare => {
                let word = if pauses { "paused" } else { "queued" };
                (Call::post(format!("/act/{execution}"), word.to_owned()), word)
            }
        }
    }
}

struct Bench {
    side: Side,
    address: SocketAddr,
    fan_out: Option<FanOut>,
}

impl Bench {
    async fn open(arguments: &[&str]) -> Result<Self, Failure> {
        let (side, router) = match arguments {
            ["bare"] => (Side::Bare, bare::router()),
            [kind, place] => {
                let (ours, router) = Ours::open(kind, place).await?;
                (Side::Ours(Box::new(ours)), router)
            }
            _ => return Err("usage: http sqlite FOLDER | postgres URL | bare".into()),
        };
        Ok(Self { side, address: listen(router).await?, fan_out: None })
    }

    async fn take(&mut self, request: Request<Measure>) -> Result<Reply, Failure> {
        let Request { measure, steps } = request;
        let (call, is_rate) = match measure {
            Measure::Submit => (self.side.submit(), false),
            Measure::SubmitRate => (self.side.submit(), true),
            Measure::Status => (self.side.status(), false),
            Measure::StatusRate => (self.side.status(), true),
            Measure::List => (self.side.list(), false),
            Measure::ListRate => (self.side.list(), true),
            Measure::FanOut => return Ok(self.fan_out(steps).await?.into()),
            Measure::Grow => return Ok(vec![self.grow(steps).await?].into()),
        };
        let taken = drive(self.address, &call, steps).await?;
        Ok(if is_rate { vec![taken.share] } else { taken.each }.into())
    }

    async fn grow(&mut self, to: usize) -> Result<f64, Failure> {
        match &mut self.side {
            Side::Ours(ours) => ours.grow(to).await,
            Side::Bare => Err("it keeps nothing".into()),
        }
    }

    /// Sockets are opened the first time, and stay.
    async fn fan_out(&mut self, acts: usize) -> Result<Vec<f64>, Failure> {
        let fan_out = match &mut self.fan_out {
            Some(open) => open,
            none => none.insert(FanOut::open(self.address, &self.side).await?),
        };
        fan_out.take(&self.side, acts).await
    }
}

/// Serves in the background, and says where.
async fn listen(router: Router) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // It ends with the process.
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut bench = Bench::open(&arguments).await?;
    serve(async |request| bench.take(request).await).await
}
