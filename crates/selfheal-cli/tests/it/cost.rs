//! `cost`.

use crate::support::Folder;

#[test]
fn cost_asks_nobody_and_sums_what_it_knows() {
    let folder = Folder::new();
    let text = folder.expect(&["cost"], 0).stdout;
    for part in [
        "data volume, 20 GiB gp3",
        "Elastic IP",
        "Application Load Balancer",
        "Not counted",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let report = folder.json(&["cost"]);
    let items = report["items"].as_array().expect("a list");
    let sum: f64 = items.iter().filter_map(|item| item["monthly_usd"].as_f64()).sum();
    let total = report["total_usd"].as_f64().expect("a sum");
    assert!((sum - total).abs() < 0.01, "{report}");
    assert!(total > 5.0, "{report}");
    folder.write("selfheal.toml", "name = 1\n");
    let failed = folder.expect(&["cost"], 6);
    assert!(failed.stderr.contains("`name`"), "{}", failed.stderr);
}
