//! Reads the fields of a scenario, so that whatever is wrong is named with its place:
//! `attacks[0].clients: expected a whole number from 1 to 1000000, got "many"`.

use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// An object that is being read. What is left at the end is not known here.
pub struct Fields {
    path: String,
    left: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Errors: anything but an object.
    pub fn new(path: &str, value: Value) -> Result<Fields, String> {
        match value {
            Value::Object(left) => Ok(Fields {
                path: path.to_owned(),
                left,
                known: Vec::new(),
            }),
            other => Err(format!("{}: expected an object, got {other}", place(path))),
        }
    }

    /// Names a field with its place.
    pub fn at(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    fn wrong<T>(&self, name: &str, expected: &str, got: &Value) -> Result<T, String> {
        Err(format!("{}: expected {expected}, got {got}", self.at(name)))
    }

    fn missing(&self, name: &str, expected: &str) -> String {
        format!("{}: expected {expected}, got nothing", self.at(name))
    }

    /// Reads a whole number.
    /// Errors: none and no default, or out of bounds.
    pub fn whole(
        &mut self,
        name: &'static str,
        default: Option<u64>,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64, String> {
        let expected = || {
            let (least, most) = (bounds.start(), bounds.end());
            format!("a whole number from {least} to {most}")
        };
        match self.take(name) {
            None => default.ok_or_else(|| self.missing(name, &expected())),
            Some(value) => match value.as_u64().filter(|n| bounds.contains(n)) {
                Some(n) => Ok(n),
                None => self.wrong(name, &expected(), &value),
            },
        }
    }

    /// Reads a number.
    /// Errors: none and no default, or out of bounds.
    pub fn number(
        &mut self,
        name: &'static str,
        default: Option<f64>,
        bounds: RangeInclusive<f64>,
    ) -> Result<f64, String> {
        let expected = || {
            let (least, most) = (bounds.start(), bounds.end());
            format!("a number from {least} to {most}")
        };
        match self.take(name) {
            None => default.ok_or_else(|| self.missing(name, &expected())),
            Some(value) => match value.as_f64().filter(|n| bounds.contains(n)) {
                Some(n) => Ok(n),
                None => self.wrong(name, &expected(), &value),
            },
        }
    }

    /// Reads a ratio from 0 to 1.
    pub fn ratio(&mut self, name: &'static str, default: f64) -> Result<f64, String> {
        self.number(name, Some(default), 0.0..=1.0)
    }

    /// Reads a text, if there is one.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => self.wrong(name, "a text", &other),
        }
    }

    /// Reads one of several words.
    pub fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        default: Option<T>,
        choices: &[(&str, T)],
    ) -> Result<T, String> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of: {}", words.join(", "));
        match self.text(name)? {
            None => default.ok_or_else(|| self.missing(name, &expected)),
            Some(text) => match choices.iter().find(|(word, _)| *word == text) {
                Some((_, choice)) => Ok(*choice),
                None => self.wrong(name, &expected, &Value::String(text)),
            },
        }
    }

    /// Reads a list, each entry with its place; nothing is an empty list.
    pub fn list(&mut self, name: &'static str) -> Result<Vec<(String, Value)>, String> {
        let at = self.at(name);
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(entries)) => {
                let numbered = entries.into_iter().enumerate();
                Ok(numbered
                    .map(|(n, entry)| (format!("{at}[{n}]"), entry))
                    .collect())
            }
            Some(other) => self.wrong(name, "a list", &other),
        }
    }

    /// Reads an object within, if there is one.
    pub fn object(&mut self, name: &'static str) -> Result<Option<Fields>, String> {
        let at = self.at(name);
        self.take(name).map(|v| Fields::new(&at, v)).transpose()
    }

    /// Errors: a field that nobody asked for.
    pub fn finish(self) -> Result<(), String> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!(
                "{}: unknown field; expected one of: {}",
                self.at(name),
                self.known.join(", ")
            )),
        }
    }
}

fn place(path: &str) -> &str {
    if path.is_empty() {
        "scenario"
    } else {
        path
    }
}
