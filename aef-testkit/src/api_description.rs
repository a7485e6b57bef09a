//! An OpenAPI document, as tests that hold something against it read it.

use serde_json::Value;

/// An OpenAPI document.
#[derive(Debug, Clone)]
pub struct ApiDescription(Value);

/// A method and a path.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, its variable parts in braces.
    pub path: &'a str,
    /// What the document says of it.
    pub told: &'a Value,
}

/// The methods that a description knows, as it writes them and in capitals.
const METHODS: [(&str, &str); 5] =
    [("get", "GET"), ("put", "PUT"), ("post", "POST"), ("delete", "DELETE"), ("patch", "PATCH")];

impl ApiDescription {
    /// Reads a document.
    #[must_use]
    pub const fn new(document: Value) -> Self {
        Self(document)
    }

    /// The whole document.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.0
    }

    /// All operations, in the order of the document's paths.
    ///
    /// # Panics
    /// Where an item of a path holds something else.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, told)| {
                let known = METHODS.into_iter().find(|(written, _)| written == method);
                let method = known.unwrap_or_else(|| panic!("{path} has the method {method}")).1;
                Operation { method, path, told }
            })
        })
    }

    /// What a reference refers to, or the value itself.
    ///
    /// # Panics
    /// Where the reference leads nowhere.
    #[must_use]
    pub fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                self.0.pointer(pointer).unwrap_or_else(|| panic!("nothing stands at {reference}"))
            }
            None => value,
        }
    }

    /// The schema of the JSON that an operation takes; `None` where it takes none.
    ///
    /// # Panics
    /// Where a reference leads nowhere.
    #[must_use]
    pub fn json_body<'a>(&'a self, operation: &'a Value) -> Option<&'a Value> {
        Some(self.resolved(operation.pointer("/requestBody/content/application~1json/schema")?))
    }
}

/// The method with the path: `GET /healthz`.
impl std::fmt::Display for Operation<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.method, self.path)
    }
}
