//! What a plan changes in the user's scripts and files, line by line.

use crate::common::{carry_out, empty_world, web};
use selfheal_core::plan::{plan, plan_but_for_image, script_changes};
use selfheal_core::spec::{AppFile, ImageRef, Setup, Spec};
use selfheal_core::world::Observed;

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn set_up(spec: &mut Spec, body: &str) {
    spec.app.setup = Some(Setup {
        path: "setup.sh".to_owned(),
        body: body.as_bytes().to_vec(),
    });
}

fn file(path: &str, content: &[u8]) -> AppFile {
    AppFile {
        path: path.to_owned(),
        from: "file".to_owned(),
        content: Some(content.to_vec()),
        owner: "root".to_owned(),
        mode: 0o644,
    }
}

#[test]
fn scripts_and_files_that_change_are_shown_line_by_line() {
    let mut spec = web();
    set_up(
        &mut spec,
        "#!/bin/sh\nset -eu\ndnf install -y nginx\nsystemctl start nginx\n",
    );
    spec.app.files = vec![
        file("/etc/app.yml", b"port: 80\n"),
        file("/etc/gone.yml", b"a\n"),
        file("/etc/raw", &[0xff, 1]),
    ];
    assert_eq!(
        script_changes(&spec, &empty_world()),
        [""; 0],
        "nothing was there before"
    );
    let world = applied(&spec);
    assert_eq!(script_changes(&spec, &world), [""; 0]);
    set_up(
        &mut spec,
        "#!/bin/sh\nset -eu\ndnf install -y nginx certbot\nsystemctl start nginx\n",
    );
    spec.app.files = vec![
        file("/etc/app.yml", b"port: 80\n"),
        file("/etc/new.yml", b"b\n"),
        file("/etc/raw", &[0xff, 2]),
    ];
    insta::assert_snapshot!(script_changes(&spec, &world).join("\n"), @r"
    --- /etc/gone.yml, version 1
    +++ /etc/gone.yml, not there
    @@ -1 +0,0 @@
    -a

    --- /etc/new.yml, not there
    +++ /etc/new.yml, as the spec says
    @@ -0,0 +1 @@
    +b

    /etc/raw differs, and is no text

    --- app.setup, version 1
    +++ app.setup, as the spec says
    @@ -1,4 +1,4 @@
     #!/bin/sh
     set -eu
    -dnf install -y nginx
    +dnf install -y nginx certbot
     systemctl start nginx
    ");
    // What was not read is compared with nothing.
    spec.app.setup = Some(Setup::unread("setup.sh".to_owned()));
    spec.app.files[0].content = None;
    assert_eq!(script_changes(&spec, &world), [""; 0]);
}

#[test]
fn an_image_that_moved_on_is_no_other_change() {
    let mut spec = web();
    let mut world = applied(&spec);
    world.image.as_mut().expect("it has one").id = "ami-0fedcba9876543210".into();
    assert!(!plan(&spec, &world).is_empty());
    assert!(plan_but_for_image(&spec, &world).is_empty());
    // One that the spec names by its id has been changed in the spec.
    spec.instance.image = ImageRef::Id("ami-0fedcba9876543210".into());
    assert!(!plan_but_for_image(&spec, &world).is_empty());
    let mut spec = web();
    spec.instance.root_size_gib = 9;
    assert!(!plan_but_for_image(&spec, &world).is_empty());
}
