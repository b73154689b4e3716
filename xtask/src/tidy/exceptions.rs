//! What still breaks a rule of `tidy`. The lists only shrink: an exception that nothing needs any more fails as well.

/// Arrows that close a circle: the folder of both, from, to.
pub const CIRCLES: &[(&str, &str, &str)] = &[];

/// Functions that are too long: the beginning of the file's path, the function.
pub const LONG: &[(&str, &str)] = &[];

/// Enums that are `non_exhaustive`.
pub const OPEN: &[&str] = &[];
