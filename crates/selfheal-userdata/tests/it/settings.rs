//! What the boot program is configured with can be read back from what EC2 keeps.

use proptest::prelude::*;
use selfheal_userdata::{BootConfig, DataVolume, decode, render, settings};

use crate::support::{bare, full};

fn read_back(config: &BootConfig) -> selfheal_userdata::Settings {
    let rendered = render(config).unwrap();
    settings(&decode(&rendered.to_base64()).unwrap()).unwrap()
}

#[test]
fn the_ids_are_read_back() {
    let found = read_back(&full());
    assert_eq!(found["volume_id"], b"vol-0123456789abcdef0");
    assert_eq!(found["allocation_id"], b"eipalloc-0123456789abcdef0");
    assert_eq!(found["mount_path"], b"/srv/data");
    assert_eq!(read_back(&bare()).get("volume_id"), None);
}

#[test]
fn a_setup_script_that_looks_like_a_configuration_is_none() {
    let mut config = bare();
    config.setup = Some(b"#!/bin/sh\nput 0600 /etc/selfheal/config 'volume_id=vol-1\n'\n".to_vec());
    assert_eq!(read_back(&config).get("volume_id"), None);
    assert_eq!(settings(b"#!/bin/bash\nvolume_id=vol-1\n"), None);
    assert_eq!(settings(b"\nput 0600 /etc/selfheal/config 'volume_id=vol-1"), None);
}

proptest! {
    #[test]
    fn any_text_is_read_back(stack in "[^\\p{C}]{1,40}", mount in "(/[a-z '\"$]{0,8}[a-z]){1,3}") {
        let mut config = full();
        config.stack.clone_from(&stack);
        config.data = config.data.map(|data| DataVolume { mount: mount.clone(), ..data });
        let found = read_back(&config);
        prop_assert_eq!(&found["stack"], stack.as_bytes());
        prop_assert_eq!(&found["mount_path"], mount.as_bytes());
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = settings(&bytes);
        let _ = settings(&[b"\nput 0600 /etc/selfheal/config ", bytes.as_slice()].concat());
    }
}
