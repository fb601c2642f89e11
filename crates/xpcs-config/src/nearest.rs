//! The nearest word to a misspelt one.

/// Levenshtein distance of `a` and `b` in characters, without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// Shortest word that is taken for the beginning of another.
const BEGINNING: usize = 3;

/// The candidate that begins with `word` or with which `word` begins; else that with the smallest edit
/// distance to `word`, if that is at most a third of the longer of the two plus one. Words of more
/// than 64 characters have none.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.chars().count() > 64 {
        return None;
    }
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let begins = |candidate: &&&str| {
        let (shorter, longer) = match word.len() < candidate.len() {
            true => (word, **candidate),
            false => (**candidate, word),
        };
        shorter.len() >= BEGINNING && longer.to_lowercase().starts_with(&shorter.to_lowercase())
    };
    let beginning = candidates.iter().filter(begins).min_by_key(|c| c.len().abs_diff(word.len()));
    if let Some(candidate) = beginning {
        return Some(candidate);
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(d, candidate)| *d <= word.len().max(candidate.len()) / 3 + 1)
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate)
}

/// The present name of what other programs call by `word`.
pub(super) fn elsewhere(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "static_anisotropic" | "static_isotropic" | "isotropic" => Some("static"),
        "heterodyne" | "two-component" => Some("two_component"),
        "laminar-flow" | "shear" | "homodyne" => Some("laminar_flow"),
        _ => None,
    }
}

/// `a`, `b` or `c`, each in backquotes.
pub(super) fn choices(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "no key".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_one_letter_are_found_and_other_words_are_not() {
        let names = ["D0", "alpha", "D_offset", "gamma_dot_t0"];
        assert_eq!(nearest("D_ofset", names), Some("D_offset"));
        assert_eq!(nearest("d0", names), Some("D0"));
        assert_eq!(nearest("temperature", names), None);
        assert_eq!(nearest("fix", ["start", "min", "max", "fixed"]), Some("fixed"));
        assert_eq!(nearest("static_isotropic", ["static_ref", "static"]), Some("static"));
        assert_eq!(nearest(&"x".repeat(100), names), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
