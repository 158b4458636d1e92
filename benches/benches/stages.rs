//! How long each stage of `scaffold new` takes: load, plan, render, write.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use scaffold::choose::selection::{Choices, Selection};
use scaffold::disk::writer;
use scaffold::pack::load::Pack;
use scaffold::project::state::render;
use scaffold::render::plan::Plan;
use scaffold::render::tree::Tree;

fn everything(pack: &Pack) -> Selection {
    let choices = Choices {
        name: Some("sample-project".to_owned()),
        components: ["ml", "realtime"].map(|flag| (flag.to_owned(), true)).into(),
        ..Choices::default()
    };
    choices.complete(pack).expect("a valid selection")
}

fn stages(criterion: &mut Criterion) {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let plan = Plan::new(&pack, everything(&pack)).expect("a valid plan");
    let tree = render(&plan).expect("the pack renders");
    let not_interrupted = AtomicBool::new(false);
    criterion.bench_function("load", |bencher| {
        bencher.iter(|| Pack::embedded().expect("the embedded pack can be read"));
    });
    criterion.bench_function("plan", |bencher| {
        bencher.iter_batched(
            || everything(&pack),
            |selection| Plan::new(black_box(&pack), selection).expect("a valid plan"),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("render", |bencher| {
        bencher.iter(|| render(black_box(&plan)).expect("the pack renders"));
    });
    criterion.bench_function("write", |bencher| {
        bencher.iter_batched(
            || tempfile::tempdir().expect("a temporary folder"),
            |folder| {
                let destination = folder.path().join("sample-project");
                writer::write(&tree, Tree::default, &destination, &not_interrupted)
                    .expect("the tree is written");
                folder
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, stages);
criterion_main!(benches);
