//! How a receiver verifies webhooks, in each language: the examples that the end-to-end tests run.

/// How to verify webhooks in a language.
pub(crate) struct Example {
    pub(crate) language: &'static str,
    /// What installs the package of Standard Webhooks; `None` where the language's own library does.
    pub(crate) install: Option<&'static str>,
    pub(crate) code: &'static str,
}

/// The source of an example.
macro_rules! source {
    ($path:literal) => {
        include_str!(concat!("../../../examples/receivers/", $path))
    };
}

pub(crate) const EXAMPLES: [Example; 8] = [
    Example {
        language: "TypeScript",
        install: Some("npm install standardwebhooks"),
        code: source!("typescript/verify.ts"),
    },
    Example {
        language: "Python",
        install: Some("pip install standardwebhooks"),
        code: source!("python/verify.py"),
    },
    Example {
        language: "Rust",
        install: Some("cargo add standardwebhooks http"),
        code: source!("rust/verify.rs"),
    },
    Example {
        language: "Go",
        install: None,
        code: source!("go/verify.go"),
    },
    Example {
        language: "Ruby",
        install: None,
        code: source!("ruby/verify.rb"),
    },
    Example {
        language: "PHP",
        install: None,
        code: source!("php/verify.php"),
    },
    Example {
        language: "Java",
        install: None,
        code: source!("java/Verify.java"),
    },
    Example {
        language: "C#",
        install: None,
        code: source!("csharp/Verify.cs"),
    },
];
