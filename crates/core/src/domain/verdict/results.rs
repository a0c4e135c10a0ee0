//! The field Authentication-Results (RFC 8601 section 2.2).
//!
//! What cannot be read with certainty is not read at all: it was written about a letter whose sender chose some of the
//! words in it.

/// The results that are read in one field; more of them are no mail server's.
const RESULTS: usize = 50;

/// What one field says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Results(pub(super) Vec<MethodResult>);

/// What one method found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MethodResult {
    /// Its name, lower case, without its version.
    pub(super) method: String,
    /// What it found, lower case.
    pub(super) result: String,
    /// What that is about: names such as `header.from` in lower case, with their values.
    properties: Vec<(String, String)>,
}

impl MethodResult {
    /// Returns the value of a property: `Ok(None)` where there is none.
    ///
    /// # Errors
    /// It stands there more than once.
    pub(super) fn property(&self, name: &str) -> Result<Option<&str>, Ambiguous> {
        let mut values = self.properties.iter().filter(|(known, _)| known == name);
        let first = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(Ambiguous),
            None => Ok(first),
        }
    }
}

/// A field or a result that may be read in more ways than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ambiguous;

/// How a field begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// With the name of the server that wrote it, as the standard has it.
    Named,
    /// With the first result; the names of its customers may stand between the results (Exchange Online).
    Nameless,
}

/// Returns the name of the server that says it wrote the field, in lower case.
pub(super) fn authserv_id(value: &str) -> Result<String, Ambiguous> {
    let mut reader = Reader { rest: value };
    reader.space()?;
    let id = reader.value(ID_ENDS)?;
    Ok(id.to_ascii_lowercase())
}

/// Reads a field.
pub(super) fn read(value: &str, form: Form) -> Result<Results, Ambiguous> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Ambiguous);
    }
    let mut reader = Reader { rest: value };
    reader.space()?;
    if form == Form::Named {
        reader.value(ID_ENDS)?;
        reader.space()?;
        reader.version()?;
        if !reader.rest.is_empty() && !reader.take(';') {
            return Err(Ambiguous);
        }
    }
    let mut results = Vec::new();
    loop {
        reader.space()?;
        if reader.rest.is_empty() {
            return Ok(Results(results));
        }
        results.extend(reader.result(form)?);
        reader.space()?;
        if results.len() > RESULTS || !reader.rest.is_empty() && !reader.take(';') {
            return Err(Ambiguous);
        }
    }
}

/// What ends a name or a value, beside white space.
const ID_ENDS: &[char] = &[';', '(', ')', '='];
const NAME_ENDS: &[char] = &[';', '(', ')', '=', '"'];
/// Addresses of bounces hold `=`, and programs do not quote them.
const VALUE_ENDS: &[char] = &[';', '(', ')'];

/// Reads from the front of what is left.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, sign: char) -> bool {
        let after = self.rest.strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Passes white space and comments.
    fn space(&mut self) -> Result<(), Ambiguous> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t']);
            if !self.rest.starts_with('(') {
                return Ok(());
            }
            let end = comment_end(self.rest).ok_or(Ambiguous)?;
            let (comment, after) = self.rest.split_at(end);
            // Programs put the sender's address into comments: a quoted one may hold the bracket that ends them.
            if comment.contains('"') {
                return Err(Ambiguous);
            }
            self.rest = after;
        }
    }

    /// The version of the format: only 1 is known.
    fn version(&mut self) -> Result<(), Ambiguous> {
        let digits = self.word(NAME_ENDS);
        self.space()?;
        matches!(digits, "" | "1").then_some(()).ok_or(Ambiguous)
    }

    fn word(&mut self, ends: &[char]) -> &'a str {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || ends.contains(&c));
        let (word, after) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = after;
        word
    }

    /// A word or a quoted string, or one directly behind the other: `"a b"@school.example`.
    fn value(&mut self, ends: &[char]) -> Result<String, Ambiguous> {
        let mut value = String::new();
        let ends: Vec<char> = ends.iter().copied().chain(['"']).collect();
        loop {
            if self.take('"') {
                value.push_str(&self.quoted()?);
                continue;
            }
            let word = self.word(&ends);
            if word.is_empty() {
                break;
            }
            value.push_str(word);
        }
        (!value.is_empty()).then_some(value).ok_or(Ambiguous)
    }

    /// A quoted string whose first quotation mark is behind.
    fn quoted(&mut self) -> Result<String, Ambiguous> {
        let mut text = String::new();
        let mut signs = self.rest.char_indices();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '"' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => text.push(signs.next().ok_or(Ambiguous)?.1),
                sign => text.push(sign),
            }
        }
        Err(Ambiguous)
    }

    /// One result with its properties; `None` for the word `none` and for a customer's name.
    fn result(&mut self, form: Form) -> Result<Option<MethodResult>, Ambiguous> {
        let method = self.word(NAME_ENDS).to_ascii_lowercase();
        self.space()?;
        if !self.take('=') {
            let is_alone = self.rest.is_empty() || self.rest.starts_with(';');
            let is_customer = form == Form::Nameless && method.contains('.');
            let is_known = method == "none" || is_customer;
            return (is_alone && is_known).then_some(None).ok_or(Ambiguous);
        }
        let (method, version) = method.split_once('/').unwrap_or((&method, "1"));
        self.space()?;
        let result = self.word(NAME_ENDS).to_ascii_lowercase();
        if method.is_empty() || result.is_empty() || version != "1" {
            return Err(Ambiguous);
        }
        let mut properties = Vec::new();
        loop {
            self.space()?;
            if self.rest.is_empty() || self.rest.starts_with(';') {
                return Ok(Some(MethodResult {
                    method: method.to_owned(),
                    result,
                    properties,
                }));
            }
            let name = self.word(NAME_ENDS).to_ascii_lowercase();
            self.space()?;
            if name.is_empty() || !self.take('=') {
                return Err(Ambiguous);
            }
            self.space()?;
            properties.push((name, self.value(VALUE_ENDS)?));
        }
    }
}

/// Where the comment ends that `text` begins with (RFC 5322 section 3.2.2), comments in it included.
pub(super) fn comment_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => {
                signs.next()?;
            }
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}
