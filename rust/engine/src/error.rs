//! What can be wrong with what an operator hands to the engine.

/// Errors of this crate. Each says where, what was expected, and what came.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is not the JSON that the engine expects.
    #[error("config: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A field holds a value that the engine cannot work with.
    #[error("{field}: {problem}")]
    Field { field: String, problem: String },
}

impl Error {
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Error::Field {
            field: field.into(),
            problem: problem.into(),
        }
    }
}
