// Locators: one object or a ranked list; strict.

class Failure extends Error {
  constructor(kind, reason, message, more = {}) {
    super(message);
    this.error = { kind, ...(reason ? { reason } : {}), message, ...more };
  }
}

const STRATEGIES = ["testId", "role", "label", "placeholder", "altText", "title", "text", "css", "xpath"];
const LISTED = 10;

const FINDERS = {
  testId: (locator, scope, options) =>
    elementsBelow(scope).filter((element) => element.getAttribute(options.testIdAttribute) === String(locator.testId)),
  role: (locator, scope) => {
    const role = ROLE_SYNONYMS[locator.role] ?? locator.role;
    return elementsBelow(scope).filter(
      (element) =>
        roleOf(element) === role &&
        !isHiddenFromRoles(element) &&
        (locator.name == null || textMatches(accessibleName(element), locator.name, locator.exact)),
    );
  },
  label: (locator, scope) =>
    elementsBelow(scope).filter((element) =>
      labelTexts(element).some((text) => textMatches(text, locator.label, locator.exact)),
    ),
  placeholder: (locator, scope) => withAttribute("placeholder", locator.placeholder, locator, scope),
  altText: (locator, scope) => withAttribute("alt", locator.altText, locator, scope),
  title: (locator, scope) => withAttribute("title", locator.title, locator, scope),
  text: (locator, scope) => innermostWithText(scope, locator.text, locator.exact),
  css: (locator, scope) => selected(String(locator.css), scope),
  xpath: (locator, scope) => evaluated(String(locator.xpath), scope),
};

function textMatches(text, wanted, exact) {
  const expected = normalise(wanted);
  if (exact) return normalise(text) === expected;
  return normalise(text).toLowerCase().includes(expected.toLowerCase());
}

function withAttribute(attribute, wanted, locator, scope) {
  return elementsBelow(scope).filter(
    (element) => element.hasAttribute(attribute) && textMatches(element.getAttribute(attribute), wanted, locator.exact),
  );
}

function labelTexts(element) {
  const texts = [];
  const references = referencedElements(element, "aria-labelledby");
  if (references.length > 0) texts.push(references.map(readableText).join(" "));
  else if (element.hasAttribute("aria-label")) texts.push(element.getAttribute("aria-label"));
  if (element.labels)
    texts.push(
      ...[...element.labels].map((label) => (isRendered(label) ? renderedTextWithout(label, element) : rawText(label))),
    );
  return texts;
}

// The innermost elements whose rendered text matches. Whatever an element shows is part of what those around it show,
// so a branch without the text is not looked into.
function innermostWithText(scope, wanted, exact) {
  const found = [];
  const descend = (element) => {
    const text = renderedText(element);
    if (!textMatches(text, wanted, false)) return;
    const before = found.length;
    // A list shows its chosen option only, and is chosen from as a whole.
    if (element.localName !== "select") descendAll(element);
    if (
      found.length === before &&
      element.localName !== "slot" &&
      textMatches(text, wanted, exact) &&
      isRendered(element)
    )
      found.push(element);
  };
  const descendAll = (parent) => {
    for (const child of composedChildren(parent)) if (isElement(child)) descend(child);
  };
  descendAll(scope);
  return found;
}

function selected(selector, scope) {
  const matches = new Set();
  for (const root of rootsBelow(scope)) {
    try {
      for (const element of root.querySelectorAll(selector)) matches.add(element);
    } catch {
      throw new Failure("data", "invalid_locator", `not a CSS selector: ${selector}`);
    }
  }
  return inDocumentOrder(matches, scope);
}

function evaluated(expression, scope) {
  const path = scope === document ? expression : relativePath(expression);
  let result;
  try {
    result = document.evaluate(path, scope, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
  } catch {
    throw new Failure("data", "invalid_locator", `not an XPath that selects elements: ${expression}`);
  }
  const matches = [];
  for (let index = 0; index < result.snapshotLength; index++) {
    const node = result.snapshotItem(index);
    if (isElement(node) && (scope === document || (scope !== node && scope.contains(node)))) matches.push(node);
  }
  return matches;
}

// Inside a scope every path is relative to it, however it begins; literals stay as they are.
function relativePath(expression) {
  return expression.replace(
    /("[^"]*"|'[^']*')|(^|[(|])(\s*)\//g,
    (_, literal, before, space) => literal ?? `${before}${space}./`,
  );
}

function strategyOf(locator) {
  const named = STRATEGIES.filter((strategy) => locator[strategy] != null);
  if (named.length !== 1) {
    const said = named.length === 0 ? "names no strategy" : `names several strategies: ${named.join(", ")}`;
    throw new Failure("data", "invalid_locator", `a locator that ${said}`);
  }
  return named[0];
}

// All matches of one locator, and what its last filter dropped.
function matchesOf(locator, scope, options) {
  if (locator === null || typeof locator !== "object")
    throw new Failure("data", "invalid_locator", "a locator is an object");
  if (locator.ref != null) return { found: [referenced(locator.ref)], dropped: [] };
  if (locator.frame != null) throw new Failure("internal", "frame_unresolved", "a locator still names its frame");
  const find = FINDERS[strategyOf(locator)];
  let found;
  if (locator.within != null) {
    const matches = new Set();
    for (const container of anyOf(locator.within, scope, options).found)
      for (const element of find(locator, container, options)) matches.add(element);
    found = inDocumentOrder(matches, scope);
  } else {
    found = find(locator, scope, options);
  }
  return filtered(locator, found);
}

function filtered(locator, found) {
  let dropped = [];
  const keep = (kept) => {
    if (kept.length === 0 && found.length > 0) dropped = found;
    found = kept;
  };
  if (locator.hasText != null)
    keep(found.filter((element) => textMatches(readableText(element), locator.hasText, false)));
  if (locator.visible != null) keep(found.filter((element) => isVisible(element) === Boolean(locator.visible)));
  const place = locator.nth ?? (locator.first ? 0 : locator.last ? -1 : null);
  if (place !== null) {
    const element = found.at(Number(place));
    keep(element ? [element] : []);
  }
  return { found, dropped };
}

function rankedLocators(target) {
  const list = Array.isArray(target) ? target : [target];
  if (list.length === 0) throw new Failure("data", "invalid_locator", "an empty list of locators");
  return list;
}

// The matches of the first strategy that has any; not strict.
function anyOf(target, scope, options) {
  for (const [strategy, locator] of rankedLocators(target).entries()) {
    const { found } = matchesOf(locator, scope, options);
    if (found.length > 0) return { found, strategy };
  }
  return { found: [], strategy: null };
}

// The one element that a ranked list means; throws a `Failure` otherwise.
function oneOf(target, scope, options) {
  let several = null;
  let dropped = [];
  const locators = rankedLocators(target);
  for (const [strategy, locator] of locators.entries()) {
    const result = matchesOf(locator, scope, options);
    if (result.found.length === 1)
      return checkedAgainst(result.found[0], strategy, recordedAs(locators, strategy, options), options);
    if (result.found.length > 1) several ??= { found: result.found, strategy, locator };
    if (dropped.length === 0) dropped = result.dropped;
  }
  if (several) throw ambiguous(several);
  throw notFound(locators, dropped, scope);
}

// What was recorded may stand in the request or in any locator of the list; the nearest one counts.
function recordedAs(locators, strategy, options) {
  return (
    locators[strategy].fingerprint ??
    options.fingerprint ??
    locators.find((locator) => locator.fingerprint)?.fingerprint
  );
}

function checkedAgainst(element, strategy, expected, options) {
  if (strategy > 0 && expected) {
    const actual = fingerprintOf(element, options);
    if (!sameFingerprint(expected, actual)) {
      throw new Failure(
        "target_changed",
        null,
        "a lower-ranked locator matches something other than what was recorded",
        { expected, actual, strategy, description: describe(element) },
      );
    }
  }
  return { element, strategy };
}

function ambiguous({ found, strategy, locator }) {
  return new Failure("ambiguous", null, `${found.length} elements match ${written(locator)}`, {
    count: found.length,
    strategy,
    candidates: found.slice(0, LISTED).map(describe),
  });
}

function notFound(locators, dropped, scope) {
  const candidates = (dropped.length > 0 ? dropped : nearMisses(locators, scope)).slice(0, LISTED).map(describe);
  const which = written(locators[0]) + (locators.length > 1 ? ` (nor ${locators.length - 1} more)` : "");
  return new Failure("element_not_found", dropped.length > 0 ? "filtered" : null, `nothing matches ${which}`, {
    candidates,
  });
}

// What a person would compare with when a role or an exact text is not there.
function nearMisses(locators, scope) {
  for (const locator of locators) {
    if (locator.role != null && locator.name != null) {
      const same = FINDERS.role({ role: locator.role }, scope);
      if (same.length > 0) return same;
    }
    if (locator.text != null && locator.exact) {
      const close = FINDERS.text({ text: locator.text }, scope);
      if (close.length > 0) return close;
    }
  }
  return [];
}

function written(locator) {
  return shorten(JSON.stringify(locator), 160);
}

// Elements that were answered by reference; weak, so that a page that replaces its content is not kept alive.
const references = new Map();
const referenceOf = new WeakMap();
let lastReference = 0;

function reference(element) {
  let name = referenceOf.get(element);
  if (!name) {
    name = `e${++lastReference}`;
    referenceOf.set(element, name);
    references.set(name, new WeakRef(element));
  }
  return name;
}

function referenced(name) {
  const element = references.get(name)?.deref();
  if (!element?.isConnected)
    throw new Failure("not_actionable", "detached", `the element ${name} is no longer in the document`);
  return element;
}
