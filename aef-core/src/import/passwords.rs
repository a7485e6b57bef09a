//! Which fields take a password. A recording holds what was typed there in clear.

use std::collections::BTreeMap;

use super::gesture::{Entry, Gesture, Recorded};
use crate::document::{Locator, SecretDeclaration, SecretKind, Target};
use crate::sop::names::{Unique, variable_of};

/// What fields for passwords are called, in small letters.
const WORDS: [&str; 22] = [
    "password",
    "passwd",
    "passwort",
    "kennwort",
    "passphrase",
    "passcode",
    "pwd",
    "contraseña",
    "contrasena",
    "mot de passe",
    "motdepasse",
    "senha",
    "wachtwoord",
    "lösenord",
    "hasło",
    "salasana",
    "adgangskode",
    "heslo",
    "parola",
    "пароль",
    "密码",
    "パスワード",
];

/// The longest name that a person reads as a name.
const LONGEST: usize = 40;

/// Whether a selector, a name or an attribute tells of a field for a password.
pub(super) fn tells(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// The secrets of a recording, by their values.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    names: BTreeMap<String, String>,
    declared: Vec<SecretDeclaration>,
}

impl Passwords {
    /// Finds the values that were entered in fields for passwords.
    pub(super) fn of(gestures: &[Recorded]) -> Self {
        let mut passwords = Self::default();
        let mut unique = Unique::default();
        for recorded in gestures {
            let Gesture::Enter(entry) = &recorded.gesture else { continue };
            if !entry.secret || entry.value.is_empty() || passwords.names.contains_key(&entry.value) {
                continue;
            }
            let called = called(&entry.target);
            let name = called.as_deref().map(str::to_lowercase).and_then(|name| variable_of(&name));
            let name = unique.take(name.unwrap_or_else(|| "password".to_owned()));
            passwords.declared.push(SecretDeclaration {
                name: name.clone(),
                kind: SecretKind::Password,
                origins: Vec::new(),
                description: called.map(|called| format!("What is entered in “{called}”")),
            });
            passwords.names.insert(entry.value.clone(), name);
        }
        passwords
    }

    /// The secret that a value is, in whatever field it was entered: a field that shows a password takes the same one.
    pub(super) fn name_of(&self, entry: &Entry) -> Option<&str> {
        self.names.get(&entry.value).map(String::as_str)
    }

    pub(super) fn into_declarations(self) -> Vec<SecretDeclaration> {
        self.declared
    }
}

/// What a person calls the field.
fn called(target: &Target) -> Option<String> {
    let of = |locator: &Locator| {
        [&locator.name, &locator.label, &locator.placeholder, &locator.test_id]
            .into_iter()
            .flatten()
            .find(|name| name.chars().count() <= LONGEST && !name.contains("{{"))
            .cloned()
    };
    target.as_slice().iter().find_map(of)
}
