//! DBOS behind the line protocol of `cargo xtask bench store`: `dbos URL`. A step is one of `dbos::step`, which only notes
//! when it was run; its outcome is recorded before the next begins.

use aef_bench_protocol::{Failure, IN_FLIGHT, Reply, Request, StoreMeasure, Times, between, for_each, serve};
use dbos::{Config, DBOS, WorkflowRef};
use futures::future::try_join_all;
use uuid::Uuid;

type Steps = WorkflowRef<(String, usize), (), dbos::EngineOnly>;

async fn steps(times: Times<String>, (run, count): (String, usize)) -> dbos::Result<()> {
    for _ in 0..count {
        dbos::step("work", || async {
            times.note(run.clone());
            dbos::Result::Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn take(
    workflow: &Steps,
    times: &Times<String>,
    request: Request<StoreMeasure>,
) -> Result<Reply, Failure> {
    match request.measure {
        StoreMeasure::Sequential => {
            let run = Uuid::new_v4().to_string();
            workflow.run((run.clone(), request.steps)).await?;
            Ok(between(&times.take(&run)).into())
        }
        StoreMeasure::InFlight => {
            let runs: Vec<String> = (0..IN_FLIGHT).map(|_| Uuid::new_v4().to_string()).collect();
            try_join_all(runs.iter().map(|run| workflow.run((run.clone(), request.steps)))).await?;
            Ok(for_each(runs.iter().flat_map(|run| times.take(run)).collect())?.into())
        }
        other => Err(format!("it has no measure {other:?}").into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).ok_or("usage: dbos URL")?;
    let dbos = DBOS::new(Config {
        app_version: Some("1".to_owned()),
        // Its default is 10, which 32 workflows would wait for.
        max_connections: IN_FLIGHT,
        ..Config::new("bench", url)
    });
    let times = Times::default();
    let noted = times.clone();
    let workflow = dbos.register_workflow("steps", move |input| steps(noted.clone(), input))?;
    dbos.launch().await?;
    serve(async |request| take(&workflow, &times, request).await).await?;
    dbos.shutdown().await;
    Ok(())
}
