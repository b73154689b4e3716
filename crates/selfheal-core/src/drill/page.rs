//! The report of a drill as one page of HTML that needs nothing else: for a phone, a screen and paper.

use std::fmt::Write as _;

use super::{DrillReport, Entry};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1rem;overflow-wrap:anywhere}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #8886;padding:.3rem .4rem;text-align:left;vertical-align:top}\
.n{text-align:right;white-space:nowrap}.ok{color:#17793a}.no{color:#b3261e;font-weight:600}\
svg{display:block;width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:currentColor}\
@media (prefers-color-scheme:dark){.ok{color:#7ddc9b}.no{color:#ff8a80}}\
@media print{body{max-width:none;color:#000;background:#fff}h2{break-after:avoid}tr,svg{break-inside:avoid}}";

/// Width of the timeline, and height of one of its rows, in units of the picture.
const WIDTH: u64 = 640;
const ROW: u64 = 44;

/// Returns the page.
#[must_use]
pub fn page(report: &DrillReport) -> String {
    let (class, word) = if report.passed {
        ("ok", "passed")
    } else {
        ("no", "failed")
    };
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Drill of {0}</title><style>{STYLE}</style></head><body>\n\
         <h1>Drill of {0}: <span class=\"{class}\">{word}</span></h1>\n<p>{1}; {2}.{3}{4}</p>\n",
        escaped(&report.stack),
        escaped(&report.began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        escaped(report.how.what()),
        seconds_of(" It served again after ", report.healed_ms),
        seconds_of(" Nobody answered for ", report.silent_ms),
    );
    html.push_str("<h2>What came to pass</h2>\n");
    html.push_str(&picture(report));
    html.push_str("<table><tr><th>Seconds</th><th>What</th><th>Instance</th></tr>\n");
    for entry in &report.timeline {
        // Writing into a string does not fail.
        let _ = writeln!(
            html,
            "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            seconds(entry.after_ms),
            entry.what.happened(),
            escaped(entry.instance.as_str())
        );
    }
    html.push_str("</table>\n<h2>What must hold</h2>\n<table>\n");
    for check in &report.checks {
        let (class, sign) = if check.holds {
            ("ok", "holds")
        } else {
            ("no", "does not hold")
        };
        let (what, seen) = (escaped(&check.what), escaped(&check.seen));
        let _ = writeln!(
            html,
            "<tr><td class=\"{class}\">{sign}</td><td>{what}</td><td>{seen}</td></tr>"
        );
    }
    html.push_str("</table>\n</body></html>\n");
    html
}

/// The timeline: a row a moment, from the failure to it.
fn picture(report: &DrillReport) -> String {
    let last_ms = report
        .timeline
        .iter()
        .map(|entry| entry.after_ms)
        .max()
        .unwrap_or(0)
        .max(1);
    let rows = u64::try_from(report.timeline.len()).unwrap_or(0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"Timeline\">\n",
        rows * ROW + 4
    );
    let at = |entry: &Entry| 4 + entry.after_ms * (WIDTH - 12) / last_ms;
    for (row, entry) in (0_u64..).zip(&report.timeline) {
        let (x, top) = (at(entry), row * ROW);
        let text = format!("{} s  {}", seconds(entry.after_ms), entry.what.happened());
        // Beside the end of its line where there is room to the right, else before it.
        let (anchor, place) = if x > WIDTH / 2 {
            ("end", x + 4)
        } else {
            ("start", x.saturating_sub(4))
        };
        let _ = writeln!(
            svg,
            "<text x=\"{place}\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>\
             <line x1=\"4\" y1=\"{1}\" x2=\"{x}\" y2=\"{1}\" stroke=\"#4a7fd6\" stroke-width=\"4\"/>\
             <circle cx=\"{x}\" cy=\"{1}\" r=\"5\" fill=\"#4a7fd6\"/>",
            top + 16,
            top + 28,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn seconds(ms: u64) -> String {
    format!("{}.{}", ms / 1_000, ms % 1_000 / 100)
}

fn seconds_of(what: &str, ms: Option<u64>) -> String {
    ms.map(|ms| format!("{what}{} s.", seconds(ms))).unwrap_or_default()
}

/// Text as HTML takes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
