//! Wildcard patterns with policy variables.
//!
//! IAM knows two wildcards, `*` (any run of characters, also none) and `?` (exactly one character), and policy
//! variables such as `${aws:username}`, which are replaced by values of the request. `${*}`, `${?}` and `${$}` stand
//! for the characters themselves. Rules: "IAM JSON policy elements: Variables and tags" and "IAM JSON policy elements:
//! Resource" in the IAM User Guide.

use std::collections::BTreeMap;

/// One element of a pattern whose variables have been replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A character that stands for itself.
    Literal(char),
    /// `?`: exactly one character.
    One,
    /// `*`: any run of characters, also none.
    Any,
}

/// One piece of a pattern as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text between variables, with `*` and `?` as wildcards.
    Text(&'a str),
    /// `${*}`, `${?}` or `${$}`.
    Escaped(char),
    /// `${key}` or `${key, 'default'}`.
    Variable {
        /// The context key that gives the value.
        key: &'a str,
        /// The value for a request without the key.
        default: Option<&'a str>,
    },
}

/// Splits a pattern into text and variables.
///
/// A `${` that is never closed is text: IAM refuses such a policy, and the parser of documents does so too.
pub(crate) fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        if start > 0 {
            out.push(Piece::Text(&rest[..start]));
        }
        let body = &rest[start + 2..start + length];
        out.push(match body {
            "*" => Piece::Escaped('*'),
            "?" => Piece::Escaped('?'),
            "$" => Piece::Escaped('$'),
            _ => variable(body),
        });
        rest = &rest[start + length + 1..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}

fn variable(body: &str) -> Piece<'_> {
    match body.split_once(',') {
        Some((key, default)) => {
            let default = default.trim();
            let quoted = default.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\''));
            Piece::Variable {
                key: key.trim(),
                default: Some(quoted.unwrap_or(default)),
            }
        }
        None => Piece::Variable {
            key: body.trim(),
            default: None,
        },
    }
}

/// Tokenises text without variables.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    text.chars().map(token).collect()
}

/// Tokenises text in which no character is a wildcard.
pub(crate) fn literals(text: &str) -> Vec<Token> {
    text.chars().map(Token::Literal).collect()
}

/// Takes wildcards for the characters that they are written as, for operators that compare exactly.
pub(crate) fn without_wildcards(tokens: Vec<Token>) -> Vec<Token> {
    tokens
        .into_iter()
        .map(|token| match token {
            Token::Any => Token::Literal('*'),
            Token::One => Token::Literal('?'),
            literal @ Token::Literal(_) => literal,
        })
        .collect()
}

/// Lowers the case of every literal.
pub(crate) fn folded(tokens: &[Token]) -> Vec<Token> {
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Literal(character) => out.extend(character.to_lowercase().map(Token::Literal)),
            other => out.push(*other),
        }
    }
    out
}

fn token(character: char) -> Token {
    match character {
        '*' => Token::Any,
        '?' => Token::One,
        literal => Token::Literal(literal),
    }
}

/// Replaces variables and tokenises; `None` where a variable has neither a value nor a default.
///
/// What has no value matches nothing ("Policy variables with no value"). A value that contains `*` or `?` stands for
/// itself, so a tag value cannot widen a policy.
pub(crate) fn expand(pattern: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Option<Vec<Token>> {
    let mut out = Vec::with_capacity(pattern.len());
    for piece in pieces(pattern) {
        match piece {
            Piece::Text(text) => out.extend(text.chars().map(token)),
            Piece::Escaped(character) => out.push(Token::Literal(character)),
            Piece::Variable { key, default } => {
                let value = value_of(key).or_else(|| default.map(str::to_owned))?;
                out.extend(value.chars().map(Token::Literal));
            }
        }
    }
    Some(out)
}

/// Tells whether the pattern matches the whole text.
///
/// It goes back to the last `*` alone, which takes a few steps a character for what people write. What takes more is
/// hostile, and is matched once more with 64 positions of the pattern at a time.
pub(crate) fn matches(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    let mut steps_left = 64 * (pattern.len() + text.len());
    while at_text < text.len() {
        if steps_left == 0 {
            return Positions::of(pattern).match_all(&text);
        }
        steps_left -= 1;
        match pattern.get(at_pattern) {
            Some(Token::Any) => {
                last_any = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(Token::One) => {
                at_pattern += 1;
                at_text += 1;
            }
            Some(Token::Literal(literal)) if *literal == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((pattern_mark, text_mark)) = last_any else {
                    return false;
                };
                last_any = Some((pattern_mark, text_mark + 1));
                at_pattern = pattern_mark + 1;
                at_text = text_mark + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|token| *token == Token::Any)
}

/// A set of positions of a pattern, one bit each; the position after the last token is that of a match.
type Bits = Vec<u64>;

const WORD: usize = u64::BITS as usize;

/// Knows which positions of a pattern take which character.
struct Positions {
    /// One more than there are tokens, without a `*` after a `*`.
    count: usize,
    any: Bits,
    one: Bits,
    literals: BTreeMap<char, Taking>,
}

/// The positions that take one character: listed while they are few, as bits once that is shorter. A pattern has so
/// few characters that stand in it so often that all of this together is not longer than the pattern.
enum Taking {
    Listed(Vec<usize>),
    Bits(Bits),
}

fn set(bits: &mut Bits, at: usize) {
    bits[at / WORD] |= 1 << (at % WORD);
}

impl Positions {
    fn of(pattern: &[Token]) -> Self {
        let mut tokens = pattern.to_vec();
        tokens.dedup_by(|one, other| *one == Token::Any && *other == Token::Any);
        let count = tokens.len() + 1;
        let empty = vec![0; count.div_ceil(WORD)];
        let (mut any, mut one) = (empty.clone(), empty.clone());
        let mut listed: BTreeMap<char, Vec<usize>> = BTreeMap::new();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Any => set(&mut any, at),
                Token::One => set(&mut one, at),
                Token::Literal(character) => listed.entry(*character).or_default().push(at),
            }
        }
        let taking = |positions: Vec<usize>| {
            if positions.len() <= empty.len() {
                return Taking::Listed(positions);
            }
            let mut bits = empty.clone();
            positions.into_iter().for_each(|at| set(&mut bits, at));
            Taking::Bits(bits)
        };
        let literals = listed
            .into_iter()
            .map(|(character, at)| (character, taking(at)))
            .collect();
        Self {
            count,
            any,
            one,
            literals,
        }
    }

    fn match_all(&self, text: &[char]) -> bool {
        let mut here: Bits = vec![0; self.any.len()];
        let nothing = here.clone();
        // Holds the listed positions of one character at a time.
        let mut scratch = here.clone();
        here[0] = 1;
        self.step(&mut here, &nothing, true);
        for character in text {
            match self.literals.get(character) {
                Some(Taking::Bits(bits)) => self.step(&mut here, bits, false),
                Some(Taking::Listed(positions)) => {
                    positions.iter().for_each(|at| set(&mut scratch, *at));
                    self.step(&mut here, &scratch, false);
                    positions.iter().for_each(|at| scratch[*at / WORD] = 0);
                }
                None => self.step(&mut here, &nothing, false),
            }
        }
        let end = self.count - 1;
        here[end / WORD] >> (end % WORD) & 1 == 1
    }

    /// Takes one character, which these positions take as a literal; at the start, takes none.
    ///
    /// What takes it goes on by one, and a `*` takes it and stays. Since a `*` may take nothing, the position after it is
    /// reached with it; two never follow each other, so that this goes on by one alone.
    fn step(&self, here: &mut Bits, literal: &Bits, start: bool) {
        let (mut gone_on, mut passed) = (0, 0);
        for (((here, literal), one), any) in here.iter_mut().zip(literal).zip(&self.one).zip(&self.any) {
            if !start {
                let taken = *here & (literal | one);
                *here = (taken << 1 | gone_on) | (*here & any);
                gone_on = taken >> (WORD - 1);
            }
            let stars = *here & any;
            *here |= stars << 1 | passed;
            passed = stars >> (WORD - 1);
        }
    }
}

/// Tells whether some text is matched by both patterns.
pub(crate) fn overlap(one: &[Token], other: &[Token]) -> bool {
    // `reach[j]` says whether the rests of both patterns, from here and from `j`, have a text in common; filled from
    // the end.
    let width = other.len() + 1;
    let mut below = vec![false; width];
    for i in (0..=one.len()).rev() {
        let mut reach = vec![false; width];
        for j in (0..width).rev() {
            reach[j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some(Token::Any), _) if below[j] => true,
                (_, Some(Token::Any)) if reach[j + 1] => true,
                (Some(Token::Any), Some(_)) => reach[j + 1],
                (Some(_), Some(Token::Any)) => below[j],
                (Some(Token::Literal(a)), Some(Token::Literal(b))) => a == b && below[j + 1],
                (Some(_), Some(_)) => below[j + 1],
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
        below = reach;
    }
    below[0]
}

/// Tells whether plain text with wildcards, without variables, matches the whole text.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    matches(&tokens(pattern), text)
}

/// Tells whether the text holds a wildcard outside variables.
pub(crate) fn has_wildcard(pattern: &str) -> bool {
    pieces(pattern)
        .iter()
        .any(|piece| matches!(piece, Piece::Text(text) if text.contains(['*', '?'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_iam_says() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*c", "ac", true),
            ("a*c", "abbbc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("Describe*", "DescribeVolumes", true),
            ("*Volumes", "DescribeVolumes", true),
            ("**", "anything", true),
            ("é?", "éa", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_not_exponential() {
        let pattern = "a*".repeat(200);
        let text = "a".repeat(2_000);
        assert!(!glob(&format!("{pattern}b"), &text));
    }

    /// Both ways to match agree with a third that only recurses, over all short patterns and texts.
    #[test]
    fn every_way_to_match_agrees() {
        fn plainly(pattern: &[Token], text: &[char]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((Token::Any, rest)) => (0..=text.len()).any(|taken| plainly(rest, &text[taken..])),
                Some((Token::One, rest)) => !text.is_empty() && plainly(rest, &text[1..]),
                Some((Token::Literal(literal), rest)) => text.first() == Some(literal) && plainly(rest, &text[1..]),
            }
        }
        fn words(letters: &[char], length: usize) -> Vec<String> {
            let mut all = vec![String::new()];
            for _ in 0..length {
                let longer: Vec<String> = all
                    .iter()
                    .flat_map(|word| letters.iter().map(move |letter| format!("{word}{letter}")))
                    .collect();
                all.extend(longer);
                all.sort();
                all.dedup();
            }
            all
        }
        let texts = words(&['a', 'b'], 5);
        for pattern in words(&['a', 'b', '*', '?'], 5) {
            let tokens = tokens(&pattern);
            let positions = Positions::of(&tokens);
            for text in &texts {
                let characters: Vec<char> = text.chars().collect();
                let expected = plainly(&tokens, &characters);
                assert_eq!(matches(&tokens, text), expected, "{pattern} against {text}");
                assert_eq!(positions.match_all(&characters), expected, "{pattern} against {text}");
            }
        }
    }

    /// Positions beyond the first word of bits, and characters of both kinds.
    #[test]
    fn long_patterns_carry_from_word_to_word() {
        let pattern = format!("{}*é?{}*", "a".repeat(63), "b".repeat(200));
        let good = format!("{}xyzéx{}end", "a".repeat(63), "b".repeat(200));
        let positions = Positions::of(&tokens(&pattern));
        for (text, expected) in [
            (good.clone(), true),
            (good.replacen('b', "c", 1), false),
            (good.replace('é', "e"), false),
            (good[1..].to_owned(), false),
        ] {
            let characters: Vec<char> = text.chars().collect();
            assert_eq!(positions.match_all(&characters), expected, "{text}");
            assert_eq!(glob(&pattern, &text), expected, "{text}");
        }
    }

    #[test]
    fn overlaps_are_found() {
        for (one, other, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a*", "*b", true),
            ("a*", "b*", false),
            ("volume/*", "volume/vol-1", true),
            ("volume/*", "*", true),
            ("volume/*", "instance/*", false),
            ("a?c", "ab*", true),
            ("?", "", false),
            ("a*c*e", "*b*d*", true),
            ("abc", "ab", false),
        ] {
            assert_eq!(overlap(&tokens(one), &tokens(other)), expected, "{one} and {other}");
            assert_eq!(overlap(&tokens(other), &tokens(one)), expected, "{other} and {one}");
        }
    }

    #[test]
    fn variables_become_literals() {
        let value = |key: &str| (key == "aws:username").then(|| "jo*".to_owned());
        let tokens = expand("home/${aws:username}/${*}/*", &value).unwrap();
        assert!(matches(&tokens, "home/jo*/*/x"));
        assert!(!matches(&tokens, "home/john/*/x"));
        assert!(!matches(&tokens, "home/jo*/y/x"));
    }

    #[test]
    fn a_missing_variable_has_only_its_default() {
        let none = |_: &str| None;
        assert_eq!(expand("${aws:PrincipalTag/team}", &none), None);
        let tokens = expand("${aws:PrincipalTag/team, 'company-wide'}", &none).unwrap();
        assert!(matches(&tokens, "company-wide"));
    }

    #[test]
    fn an_unclosed_variable_is_text() {
        assert_eq!(pieces("a${b"), vec![Piece::Text("a${b")]);
    }
}
