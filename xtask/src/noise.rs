//! Text that hardly compresses, for what must not fit.

/// Returns so many small letters, always the same.
pub fn noise(letters: usize) -> String {
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (state >> 27) as u8 % 26)
    };
    (0..letters).map(|_| letter()).collect()
}
