//! The script that looks at pages from inside: locators, actionability, conditions and reading.
//!
//! It runs in an isolated world of every frame. `script/README.md` states the protocol.

/// The name of the isolated world that [`SOURCE`] runs in.
pub(crate) const WORLD: &str = "aef";

/// The whole script. Evaluating it again in the same world does nothing.
pub(crate) const SOURCE: &str = concat!(
    "(() => {\n\"use strict\";\nif (globalThis.__aef) return;\n",
    include_str!("script/dom.js"),
    include_str!("script/names.js"),
    include_str!("script/locate.js"),
    include_str!("script/wait.js"),
    include_str!("script/gate.js"),
    include_str!("script/rest.js"),
    include_str!("script/conceal.js"),
    include_str!("script/act.js"),
    include_str!("script/edit.js"),
    include_str!("script/observe.js"),
    include_str!("script/extract.js"),
    include_str!("script/main.js"),
    "\n})();",
);

/// The function to call with an operation, its request and, optionally, an element.
///
/// Where the answer would be a handle the error is a text, as the script's own errors are: it travels by value.
pub(crate) const CALL: &str = "function (operation, request, element) {
  const engine = globalThis.__aef;
  if (engine) return engine.call(operation, request, element);
  const missing = { error: { kind: 'internal', reason: 'not_installed', message: 'the script is not in this world' } };
  return operation === 'element' || operation === 'resolveFrame' ? JSON.stringify(missing) : missing;
}";

#[cfg(test)]
mod tests;
