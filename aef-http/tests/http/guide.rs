//! `docs/http.md`, held against the description: no call of the guide that there is not, and none that it leaves out.

use std::collections::BTreeSet;

use aef_http::Code;
use aef_testkit::Operation;
use serde_json::Value;

use crate::contract::API;

const GUIDE: &str = include_str!("../../../docs/http.md");

/// A call as the guide writes it.
#[derive(Debug)]
struct Curl {
    line: String,
    method: String,
    path: String,
    /// What stands behind the question mark, by name.
    query: Vec<String>,
    /// Its body, where that is JSON in the line itself.
    body: Option<Value>,
}

/// The calls in the guide's shell blocks.
fn calls() -> Vec<Curl> {
    let blocks = GUIDE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let text: String = blocks.collect::<String>().replace("\\\n", " ");
    // What a function of the guide sends is one call with another body.
    let named: Vec<_> = text.lines().filter(|line| line.contains("curl ")).map(str::to_owned).collect();
    let bodies = text.lines().filter_map(|line| line.strip_prefix("act '"));
    let acts = bodies.map(|rest| {
        let body = rest.split('\'').next().unwrap();
        format!("curl \"$AEF/api/aef/action/$ID\" -d '{body}'")
    });
    named.into_iter().chain(acts).map(|line| Curl::read(&line)).collect()
}

impl Curl {
    fn read(line: &str) -> Self {
        let after = |flag: &str| line.split_once(flag).map(|(_, rest)| rest.trim_start());
        let sends = [" -d ", " --data-binary "].iter().any(|flag| line.contains(flag));
        let method = after(" -X ").and_then(|rest| rest.split_whitespace().next());
        let method = method.unwrap_or(if sends { "POST" } else { "GET" }).to_owned();
        let address = after("\"$AEF").and_then(|rest| rest.split('"').next());
        let address = address.unwrap_or_else(|| panic!("no address in {line}"));
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let query = query.split('&').filter_map(|pair| pair.split('=').next()).map(str::to_owned);
        let text = after(" -d '").and_then(|rest| rest.split('\'').next());
        let body =
            text.map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {line}")));
        let query = query.filter(|name| !name.is_empty()).collect();
        Self { line: line.to_owned(), method, path: path.to_owned(), query, body }
    }

    /// How many parts of a route are those of this call; `None` where it is another route's.
    fn fits(&self, route: &str) -> Option<usize> {
        let (ours, theirs): (Vec<_>, Vec<_>) = (self.path.split('/').collect(), route.split('/').collect());
        let fits = |(ours, theirs): (&&str, &&str)| theirs.starts_with('{') || ours == theirs;
        (ours.len() == theirs.len() && ours.iter().zip(&theirs).all(fits))
            .then(|| ours.iter().zip(&theirs).filter(|(ours, theirs)| ours == theirs).count())
    }
}

/// The route of the description that a call asks.
fn route(call: &Curl) -> Operation<'static> {
    let fitting = API
        .operations()
        .filter(|operation| operation.method == call.method)
        .filter_map(|operation| Some((call.fits(operation.path)?, operation)));
    let (_, operation) = fitting
        .max_by_key(|(parts, _)| *parts)
        .unwrap_or_else(|| panic!("the description has no {} {}: {}", call.method, call.path, call.line));
    operation
}

#[test]
fn each_call_of_the_guide_is_described() {
    for call in calls() {
        let operation = route(&call);
        let known: BTreeSet<_> = operation.told["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        for name in &call.query {
            assert!(known.contains(name.as_str()), "{operation} has no parameter `{name}`: {}", call.line);
        }
        let Some(body) = call.body.as_ref().and_then(Value::as_object) else { continue };
        let schema = API.json_body(operation.told).unwrap_or_else(|| panic!("{operation} takes no JSON"));
        for name in body.keys() {
            assert!(schema["properties"].get(name).is_some(), "{operation} takes no `{name}`: {}", call.line);
        }
    }
}

#[test]
fn each_call_of_the_description_is_in_the_guide() {
    let told: BTreeSet<_> = calls().iter().map(|call| route(call).to_string()).collect();
    let described: BTreeSet<_> = API.operations().map(|operation| operation.to_string()).collect();
    let left_out: Vec<_> = described.difference(&told).collect();
    assert!(left_out.is_empty(), "docs/http.md leaves out {left_out:#?}");
}

#[test]
fn each_code_is_in_the_guide() {
    let (_, table) = GUIDE.split_once("| status | codes |").unwrap();
    let table = table.split("\n\n").next().unwrap();
    for code in Code::ALL {
        let row = table.lines().find(|row| row.contains(&format!("`{}`", code.as_str())));
        let row = row.unwrap_or_else(|| panic!("docs/http.md leaves out `{}`", code.as_str()));
        let status = row.split('|').nth(1).unwrap();
        assert!(status.contains(code.status().as_str()), "`{}` is {}: {row}", code.as_str(), code.status());
    }
}
