//! Reading data from a page.

use aef_core::document::{Extract, Field, Read};
use aef_core::recovery::{ErrorKind, Failure};
use serde_json::{Map, Value, json};

use super::dom::{Dom, Ix};

impl Dom {
    /// What an `extract` reads: a value, a map or rows.
    pub(super) fn extract(&self, extract: &Extract) -> Result<Value, Failure> {
        if let Some(list) = &extract.list {
            let mut rows = self.all(list, None)?;
            let wanted = extract.min_items.unwrap_or(0) as usize;
            if rows.len() < wanted {
                let message = format!("there are {} rows instead of {wanted} or more", rows.len());
                return Err(Failure::new(ErrorKind::Data, message).with_reason("too_few"));
            }
            rows.truncate(extract.max_items.map_or(usize::MAX, |max| max as usize));
            let row = |&ix: &Ix| match extract.fields.is_empty() {
                true => Ok(self.read(ix, extract.read.unwrap_or_default(), extract.attribute.as_deref())),
                false => self.fields(extract, Some(ix)),
            };
            return rows.iter().map(row).collect();
        }
        let Some(target) = &extract.target else { return self.fields(extract, None) };
        if extract.read == Some(Read::Count) {
            return Ok(json!(self.any(target, None)?.len()));
        }
        let (ix, _) = self.one(target, None)?;
        if extract.fields.is_empty() {
            Ok(self.read(ix, read_of(extract.read, extract.attribute.as_ref()), extract.attribute.as_deref()))
        } else {
            self.fields(extract, Some(ix))
        }
    }

    fn fields(&self, extract: &Extract, scope: Option<Ix>) -> Result<Value, Failure> {
        let read = |(name, field): (&String, &Field)| Ok((name.clone(), self.field(name, field, scope)?));
        extract.fields.iter().map(read).collect::<Result<Map<_, _>, _>>().map(Value::Object)
    }

    fn field(&self, name: &str, field: &Field, scope: Option<Ix>) -> Result<Value, Failure> {
        let kind = read_of(field.read, field.attribute.as_ref());
        let found = match field.target() {
            Some(target) if kind == Read::Count => return Ok(json!(self.any(&target, scope)?.len())),
            Some(target) => match self.one(&target, scope) {
                Ok((ix, _)) => Some(ix),
                Err(failure) if failure.kind == ErrorKind::ElementNotFound => None,
                Err(failure) => return Err(failure),
            },
            None => scope,
        };
        match found {
            Some(ix) => Ok(self.read(ix, kind, field.attribute.as_deref())),
            None if field.required => {
                let message = format!("the field `{name}` is not there");
                Err(Failure::new(ErrorKind::Data, message).with_reason("missing"))
            }
            None => Ok(Value::Null),
        }
    }

    fn read(&self, ix: Ix, read: Read, attribute: Option<&str>) -> Value {
        let node = &self.nodes[ix];
        match read {
            Read::Text => self.text(ix).into(),
            Read::Value => node.element.value.clone().into(),
            Read::Attribute => attribute.and_then(|name| node.attribute(name)).into(),
            Read::Html => self.html(ix).into(),
            Read::Number => first_number(&self.text(ix)).map_or(Value::Null, number),
            Read::Count => json!(1),
            Read::Checked => node.element.checked.unwrap_or(false).into(),
            Read::Box => json!({ "x": 0, "y": 20 * ix, "width": 200, "height": 20 }),
        }
    }

    fn html(&self, ix: Ix) -> String {
        let child = |child: Ix| {
            let tag = &self.nodes[child].element.tag;
            format!("<{tag}>{}</{tag}>", self.html(child))
        };
        self.children(ix).fold(self.nodes[ix].element.text.clone(), |html, node| html + &child(node))
    }
}

fn read_of(read: Option<Read>, attribute: Option<&String>) -> Read {
    read.unwrap_or(if attribute.is_some() { Read::Attribute } else { Read::Text })
}

/// The first number in a text, thousands separators left out.
pub(super) fn first_number(text: &str) -> Option<f64> {
    let start = text.find(|letter: char| letter.is_ascii_digit())?;
    let negative = text[..start].ends_with(['-', '−']);
    let digits: String = text[start..]
        .chars()
        .take_while(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ','))
        .filter(|letter| *letter != ',')
        .collect();
    let number: f64 = digits.trim_end_matches('.').parse().ok()?;
    Some(if negative { -number } else { number })
}

/// A number as JSON, whole ones without a point.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}
