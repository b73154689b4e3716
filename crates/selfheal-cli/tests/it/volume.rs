//! What the commands say of the data volume, and what they never do to it unasked.

use selfheal_core::world::VolumeState;

use crate::support::Folder;

fn volume_of(folder: &Folder) -> String {
    let status = folder.json(&["status"]);
    status["volume"]["id"].as_str().expect("it has one").to_owned()
}

#[test]
fn the_last_snapshot_stands_in_summary_kept_and_status_4() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let summary = folder.expect(&["destroy", "--yes", "--delete-data"], 0).stdout;
    let status = folder.json(&["status"]);
    let id = status["last_snapshot"]["id"].as_str().expect("it is named");
    assert!(
        summary.contains(&format!("the data is in the snapshot {id}")),
        "{summary}"
    );
    assert_eq!(status["last_snapshot"]["state"], "completed");
    assert!(folder.expect(&["status"], 0).stdout.contains(id));

    folder.expect(&["apply", "--yes"], 0);
    let json = folder.json(&["destroy", "--yes", "--delete-data"]);
    let second = json["snapshot_id"].as_str().expect("it is named");
    assert_ne!(second, id);
    let kept = json["kept"].as_array().expect("a list");
    assert!(
        kept.iter()
            .any(|line| line.as_str().is_some_and(|line| line.contains(second))),
        "{kept:?}"
    );
}

#[test]
fn a_volume_that_is_gone_is_replaced_only_by_a_flag_and_the_name_1() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let volume = volume_of(&folder);
    folder.tamper(|world| {
        let record = world.volumes.get_mut(volume.as_str()).expect("it exists");
        record.volume.state = VolumeState::Deleted;
        record.volume.attachment = None;
        world
            .instances
            .values_mut()
            .for_each(|instance| instance.mounted = None);
    });
    let refused = folder.expect(&["apply", "--yes"], 5);
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        told.contains(&volume) && told.contains("selfheal apply --new-volume"),
        "{told}"
    );
    let asked = folder.expect(&["apply", "--new-volume"], 4);
    assert!(asked.stdout.contains("+ data volume"), "{}", asked.stdout);
    folder.expect(&["apply", "--new-volume", "--yes", "--no-wait"], 0);
    assert_ne!(volume_of(&folder), volume);
}

#[test]
fn lost_tags_are_put_back_and_nothing_else_1() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let volume = volume_of(&folder);
    folder.tamper(|world| {
        world
            .volumes
            .get_mut(volume.as_str())
            .expect("it exists")
            .volume
            .tags
            .clear();
    });
    assert_eq!(volume_of(&folder), volume, "the status knows it all the same");
    let plan = folder.json(&["plan"]);
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(1), "{plan}");
    assert_eq!(plan["steps"][0]["kind"], "tag-volume");
    let policy = folder.expect(&["policy", "operator"], 0).stdout;
    assert!(policy.contains("AdoptVolume") && policy.contains(&volume), "{policy}");
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["plan", "--check"], 0);
    assert!(!folder.expect(&["policy", "operator"], 0).stdout.contains("AdoptVolume"));
}
