//! How the transform of an SOP grows with it: the time for each node stays the same from a thousand nodes to ten thousand,
//! and with a hundred levels.

use std::hint::black_box;

use aef_core::sop::{Sop, TransformOptions, transform};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};

/// Parts of ten nodes, one after the other: a decision with two branches that meet, a nested loop, a flat one, a retry.
fn wide(nodes: usize) -> Vec<u8> {
    let (mut all, mut edges): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for part in 0..nodes / 10 {
        let name = |place: usize| format!("n{}", part * 10 + place);
        let kinds = ["task", "decision", "task", "task", "loop", "task", "task", "loop", "task", "extract"];
        for (place, kind) in kinds.into_iter().enumerate() {
            let mut node =
                json!({ "id": name(place), "type": kind, "label": format!("Step {place} of part {part}") });
            if kind == "loop" {
                node["iterator"] = json!("row in the rows");
            }
            if matches!(place, 5 | 6) {
                node["parentId"] = json!(name(4));
            }
            all.push(node);
        }
        let ways = [
            (0, 1, "next"),
            (1, 2, "yes"),
            (1, 3, "no"),
            (2, 4, "next"),
            (3, 0, "next"),
            (4, 5, "start"),
            (5, 6, "next"),
            (6, 4, "next"),
            (4, 7, "all_processed"),
            (7, 8, "next"),
            (8, 7, "next"),
            (7, 9, "all_processed"),
            (9, 10, "next"),
        ];
        for (from, to, condition) in ways {
            edges.push(json!({ "source": name(from), "target": name(to), "condition": condition }));
        }
    }
    // The last part leads on to nothing.
    edges.pop();
    bytes(&all, &edges)
}

/// Loops in loops, so many levels, with the same number of nodes beside each other at the bottom.
fn deep(levels: usize, nodes: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for level in 0..nodes {
        let kind = if level + 1 < levels { "loop" } else { "task" };
        let mut node = json!({ "id": format!("n{level}"), "type": kind, "label": format!("Level {level}") });
        if level > 0 {
            node["parentId"] = json!(format!("n{}", level.min(levels - 1) - 1));
        }
        if kind == "loop" {
            node["iterator"] = json!("row in the rows");
        }
        all.push(node);
    }
    bytes(&all, &[])
}

fn bytes(nodes: &[Value], edges: &[Value]) -> Vec<u8> {
    let sop =
        json!({ "meta": { "id": "bench", "title": "Bench" }, "public": { "nodes": nodes, "edges": edges } });
    sop.to_string().into_bytes()
}

fn transforms(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("sop");
    group.sample_size(10);
    let samples = [
        ("wide", 1_000, wide(1_000)),
        ("wide", 10_000, wide(10_000)),
        ("hundred_levels", 1_000, deep(100, 1_000)),
        ("hundred_levels", 10_000, deep(100, 10_000)),
    ];
    for (name, nodes, text) in samples {
        group.throughput(Throughput::Elements(nodes));
        group.bench_with_input(BenchmarkId::new(name, nodes), &text, |bench, text| {
            bench.iter(|| {
                let sop = Sop::from_slice(black_box(text)).expect("the SOP is sound");
                transform(&sop, &TransformOptions::default()).expect("the SOP can be structured")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, transforms);
criterion_main!(benches);
