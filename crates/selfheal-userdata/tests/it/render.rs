//! What the rendered text looks like, and what other tools say of it.

use selfheal_userdata::{decode, render};

use crate::support::{bare, full};

#[test]
fn renders_within_the_budget() {
    let full = render(&full()).unwrap().bytes().len();
    let bare = render(&bare()).unwrap().bytes().len();
    assert!(full <= 10 * 1024, "{full}");
    assert!(bare < full, "{bare}");
}

#[test]
fn decode_gives_back_the_script() {
    let user_data = render(&full()).unwrap();
    assert_eq!(
        decode(&user_data.to_base64()).as_deref(),
        Some(user_data.script().as_bytes())
    );
}
