//! Mutations of examples.

use fastrand::Rng;

/// No input grows beyond this: what is longer is refused for its length alone by all that is fed.
const LENGTH_MAX: usize = 192 * 1024;

/// Bytes that mean something to some reader.
const BYTES: &[u8] = b"\0\t\n\r\x1b\x1f !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\xc3\xff";

/// Numbers at the edges of what some field may hold.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "00",
    "9",
    "10",
    "32",
    "255",
    "256",
    "3600",
    "65535",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "1e309",
    "1.5",
    "0x10",
];

/// Texts that are more than bytes to a reader of text.
const TEXTS: &[&str] = &[
    "é",
    "\u{feff}",
    "\u{202e}",
    "\u{1f980}",
    "\u{2028}",
    "\u{7f}",
    "İ",
    "\r\n",
];

/// Makes an input of an example: mostly with few changes, so that it stays near to what is read whole.
pub fn mutate(rng: &mut Rng, corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = any(rng, corpus).clone();
    let changes = 1 + rng.usize(0..3) * rng.usize(0..4);
    for _ in 0..changes {
        change(rng, &mut input, corpus, words);
        input.truncate(LENGTH_MAX);
    }
    input
}

fn any<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

/// A range of an input, mostly short.
fn range(rng: &mut Rng, length: usize) -> std::ops::Range<usize> {
    let start = rng.usize(..=length);
    let longest = if rng.u8(..8) == 0 { length } else { 16 };
    let end = (start + rng.usize(..=longest)).min(length);
    start..end
}

fn change(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    let at = range(rng, input.len());
    match rng.u8(..10) {
        0 => {
            if let Some(byte) = input.get_mut(at.start) {
                *byte = *any(rng, BYTES);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at.start) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        2 => insert(input, at.start, &[*any(rng, BYTES)]),
        3 => drop(input.drain(at)),
        4 => {
            // Once most often, and sometimes often enough to reach a limit of depth or length.
            let times = if rng.u8(..16) == 0 { rng.usize(..400) } else { 1 };
            let piece = input[at.clone()].repeat(times);
            insert(input, at.end, &piece);
        }
        5 => {
            let to = rng.usize(..=input.len());
            let piece = input[at].to_vec();
            insert(input, to, &piece);
        }
        6 => {
            let word = any(rng, words).as_bytes();
            drop(input.splice(at.start..at.start, word.iter().copied()));
        }
        7 => number(rng, input, at.start),
        8 => {
            let other = any(rng, corpus);
            let piece = &other[range(rng, other.len())];
            drop(input.splice(at, piece.iter().copied()));
        }
        _ => insert(input, at.start, any(rng, TEXTS).as_bytes()),
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(input.splice(at..at, piece.iter().copied()));
}

/// Puts another number in the place of the next one.
fn number(rng: &mut Rng, input: &mut Vec<u8>, from: usize) {
    let Some(start) = input[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else {
        return;
    };
    let digits = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let other = any(rng, NUMBERS).bytes();
    drop(input.splice(start..start + digits, other));
}
