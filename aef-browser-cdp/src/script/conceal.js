// Fields that hold a secret: no picture of the page shows what stands in them, be it a password field or not. Discs
// stand in for the letters before the first of them is there, so that no frame of a screencast comes too early.

const concealedFields = new WeakSet();
// What was entered, for a page that renders anew puts it into another field.
const enteredSecrets = new Set();
// Shorter ones stand in fields that have nothing to do with them.
const SHORTEST_SECRET = 4;
const watchedRoots = new WeakSet();
const renderings = new MutationObserver(concealAgain);

function isConcealed(element) {
  return concealedFields.has(element);
}

function conceal(element, value) {
  concealedFields.add(element);
  coverText(element);
  const text = String(value ?? "");
  if (text.length >= SHORTEST_SECRET) enteredSecrets.add(text);
  const root = element.getRootNode();
  if (watchedRoots.has(root)) return;
  watchedRoots.add(root);
  renderings.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["style"] });
}

function coverText(element) {
  element.style?.setProperty("-webkit-text-security", "disc", "important");
}

// Runs before anything is painted: what the page has rendered anew is concealed with what it was given meanwhile.
function concealAgain(mutations) {
  for (const { type, target, addedNodes } of mutations) {
    if (type === "attributes") {
      if (isConcealed(target) && target.style.webkitTextSecurity !== "disc") coverText(target);
      continue;
    }
    for (const node of addedNodes) {
      if (!isElement(node)) continue;
      const fields = [node, ...node.querySelectorAll("input, textarea, [contenteditable]")];
      for (const field of fields) if (holdsSecret(field)) conceal(field, "");
    }
  }
}

function holdsSecret(element) {
  if (isConcealed(element) || !element.matches("input, textarea, [contenteditable]")) return false;
  const value = editableValue(element) ?? "";
  return [...enteredSecrets].some((secret) => value.includes(secret));
}

// Everything that a picture paints over: fields for passwords, codes and card numbers, and all that is concealed.
function secretFields() {
  return elementsBelow(document).filter(isSecretField);
}
