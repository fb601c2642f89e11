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

/// The candidate with the smallest edit distance to `word`, if that is at most a third of the
/// longer of the two plus one; words of more than 64 characters have none.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.chars().count() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(d, candidate)| *d <= word.len().max(candidate.len()) / 3 + 1)
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate)
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
        assert_eq!(nearest(&"x".repeat(100), names), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
