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
