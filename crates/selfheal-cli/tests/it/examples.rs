//! The complete examples of the repository plan cleanly, and name files that are there.

use std::fs;
use std::path::Path;

use crate::support::Folder;

#[test]
fn each_example_plans_cleanly() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut planned = 0;
    for example in fs::read_dir(examples).expect("the examples are there") {
        let example = example.expect("it can be read").path();
        let folder = Folder::new();
        for file in fs::read_dir(&example).expect("an example is a folder") {
            let file = file.expect("it can be read").path();
            let to = folder.path().join(file.file_name().expect("it has a name"));
            fs::copy(&file, to).expect("the folder is writable");
        }
        let output = folder.command(&["plan"]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{}: {text}{}",
            example.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.contains("launch template"), "{}: {text}", example.display());
        planned += 1;
    }
    assert!(planned > 0);
}

/// What fits has no bundle; what does not is printed whole, and planned as parts.
#[test]
fn a_script_that_does_not_fit_is_planned_as_parts_and_printed() {
    let folder = Folder::new();
    let none = folder.expect(&["userdata", "--offline", "--bundle"], 1);
    assert!(none.stderr.contains("there is no bundle"), "{}", none.stderr);
    let mut noise = 1_u32;
    let mut letter = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (noise >> 27) as u8 % 26)
    };
    let noise: String = (0..20_000).map(|_| letter()).collect();
    folder.write("setup.sh", &format!("#!/bin/sh\n# {noise}\n"));
    let bundle = folder.expect(&["userdata", "--offline", "--bundle"], 0);
    assert!(bundle.stdout.contains(&noise));
    let script = folder.expect(&["userdata", "--offline"], 0);
    assert!(script.stdout.contains("\nbundle="), "{}", script.stdout);
    assert!(!script.stdout.contains(&noise));
    let plan = folder.expect(&["plan"], 0);
    assert!(plan.stdout.contains("part of the bundle"), "{}", plan.stdout);
    folder.expect(&["apply", "--yes"], 0);
    let again = folder.expect(&["plan", "--check"], 0);
    assert!(!again.stdout.contains("bundle"), "{}", again.stdout);
    let status = folder.expect(&["status"], 0);
    assert!(status.stdout.contains("No drift"), "{}", status.stdout);
}

/// A file that cannot be put where it is asked for, or that is not there, is told by its place.
#[test]
fn a_file_that_cannot_be_placed_or_read_is_told_by_its_place() {
    let folder = Folder::new();
    let with = |line: &str| format!("[app.files]\n{line}\n\n[app]");
    folder.edit("[app]", &with("\"/run/app.yml\" = \"setup.sh\""));
    let run = folder.expect(&["plan"], 6);
    assert!(run.stderr.contains("app.files./run/app.yml"), "{}", run.stderr);
    assert!(
        run.stderr.contains("expected a path that is not below /dev"),
        "{}",
        run.stderr
    );
    folder.edit(
        "[app]",
        &with("\"/etc/app.yml\" = { from = \"lost.yml\", mode = \"0640\" }"),
    );
    let run = folder.expect(&["plan"], 6);
    assert!(
        run.stderr.contains("`app.files./etc/app.yml` cannot be read"),
        "{}",
        run.stderr
    );
    // What can be done without it is.
    folder.expect(&["status"], 0);
}
