//! Subscripts and superscripts in symbols and units (`D_off`, `Å²/s^(1+α)`), and escaping.

/// A piece of a symbol or unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run<'a> {
    /// On the line.
    Plain(&'a str),
    /// Below the line: letters, digits and commas after `_`.
    Sub(&'a str),
    /// Above the line: sign, letters, digits or a bracket after `^`.
    Sup(&'a str),
}

/// Splits at `_` and `^`; a bracket directly after `^` loses its parentheses.
pub(crate) fn runs(mut text: &str) -> Vec<Run<'_>> {
    let mut out = Vec::new();
    while let Some(at) = text.find(['_', '^']) {
        let (before, rest) = text.split_at(at);
        let raised = rest.starts_with('^');
        let rest = &rest[1..];
        let length = if raised { raised_length(rest) } else { word_length(rest) };
        if !before.is_empty() {
            out.push(Run::Plain(before));
        }
        let (inner, after) = rest.split_at(length);
        match raised {
            true => out.push(Run::Sup(without_brackets(inner))),
            false => out.push(Run::Sub(inner)),
        }
        text = after;
    }
    if !text.is_empty() {
        out.push(Run::Plain(text));
    }
    out
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != ',').unwrap_or(text.len())
}

fn raised_length(text: &str) -> usize {
    let sign =
        text.chars().next().filter(|c| matches!(c, '-' | '−' | '+')).map_or(0, char::len_utf8);
    let rest = &text[sign..];
    match (rest.starts_with('('), rest.find(')')) {
        (true, Some(close)) => sign + close + 1,
        _ => sign + word_length(rest),
    }
}

fn without_brackets(text: &str) -> &str {
    text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text)
}

/// A symbol or unit as HTML.
pub(crate) fn html(text: &str) -> String {
    let piece = |run: &Run| match run {
        Run::Plain(t) => escape(t),
        Run::Sub(t) => format!("<sub>{}</sub>", escape(t)),
        Run::Sup(t) => format!("<sup>{}</sup>", escape(t)),
    };
    runs(text).iter().map(piece).collect()
}

/// A symbol or unit as spans inside an SVG text.
pub(crate) fn svg(text: &str) -> String {
    let mut out = String::new();
    let mut level = 0.0;
    for run in runs(text) {
        let (piece, target, size) = match run {
            Run::Plain(t) => (t, 0.0, 1.0),
            Run::Sub(t) => (t, 0.28, 0.75),
            Run::Sup(t) => (t, -0.4, 0.75),
        };
        // dy is in em of the span itself.
        let rise = (target - level) / size;
        out.push_str(&format!(
            "<tspan dy=\"{rise:.3}em\" font-size=\"{size}em\">{}</tspan>",
            escape(piece)
        ));
        level = target;
    }
    out
}

/// Text made safe for element content and quoted attributes; control characters, which XML forbids, become `�`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_symbols_split_into_runs() {
        assert_eq!(runs("Å²/s^(1+α)"), [Run::Plain("Å²/s"), Run::Sup("1+α")]);
        assert_eq!(runs("s^−(1+β)"), [Run::Plain("s"), Run::Sup("−(1+β)")]);
        assert_eq!(runs("γ̇_off"), [Run::Plain("γ̇"), Run::Sub("off")]);
        assert_eq!(
            runs("a^2/b_1"),
            [Run::Plain("a"), Run::Sup("2"), Run::Plain("/b"), Run::Sub("1")]
        );
        assert_eq!(runs("D_off,s"), [Run::Plain("D"), Run::Sub("off,s")]);
        assert_eq!(runs("D₀"), [Run::Plain("D₀")]);
    }

    #[test]
    fn escapes_what_would_end_text_or_attribute() {
        assert_eq!(escape("a<b>&\"'\u{1}"), "a&lt;b&gt;&amp;&quot;&#39;\u{fffd}");
        assert_eq!(html("x_<"), "x<sub></sub>&lt;");
    }
}
