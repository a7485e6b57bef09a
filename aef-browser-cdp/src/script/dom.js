// The composed tree as a reader sees it: traversal through open shadow roots, rendered text, boxes, visibility.

// Everything derived from the page is remembered for one look, which is synchronous, and forgotten before the next.
let look = newLook();

function newLook() {
  return {
    elements: new Map(),
    texts: new Map(),
    rendered: new Map(),
    names: new Map(),
    roles: new Map(),
    hidden: new Map(),
    styles: new Map(),
  };
}

function beginLook() {
  look = newLook();
}

function remembered(cache, key, compute) {
  if (cache.has(key)) return cache.get(key);
  const value = compute();
  cache.set(key, value);
  return value;
}

// Zero-width spaces and soft hyphens are invisible; `\s` covers no-break spaces.
function normalise(text) {
  return String(text ?? "")
    .replace(/[\u200b\u00ad]/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

function shorten(text, length) {
  const points = Array.from(text);
  return points.length > length ? points.slice(0, length - 1).join("") + "…" : text;
}

function isElement(node) {
  return node != null && node.nodeType === Node.ELEMENT_NODE;
}

function tagOf(element) {
  return element.localName.toLowerCase();
}

function styleOf(element) {
  return remembered(look.styles, element, () => getComputedStyle(element));
}

function composedParent(node) {
  if (node.assignedSlot) return node.assignedSlot;
  const parent = node.parentNode;
  return parent instanceof ShadowRoot ? parent.host : parent;
}

function composedChildren(element) {
  if (element.nodeType === Node.DOCUMENT_NODE) return [...element.children];
  if (element.shadowRoot) return [...element.shadowRoot.childNodes];
  if (element.localName === "slot") {
    const assigned = element.assignedNodes();
    if (assigned.length > 0) return assigned;
  }
  return [...element.childNodes];
}

function* composedAncestors(node) {
  for (let at = composedParent(node); isElement(at); at = composedParent(at)) yield at;
}

// The element itself or the nearest ancestor in the composed tree for which the test holds.
function closestComposed(element, test) {
  if (test(element)) return element;
  for (const ancestor of composedAncestors(element)) if (test(ancestor)) return ancestor;
  return null;
}

function composedContains(outer, inner) {
  return closestComposed(inner, (element) => element === outer) !== null;
}

// All elements below a document, shadow root or element, those of shadow roots before the light children of their host.
function elementsBelow(scope) {
  return remembered(look.elements, scope, () => {
    const found = [];
    if (isElement(scope) && scope.shadowRoot) collectElements(scope.shadowRoot, found);
    collectElements(scope, found);
    return found;
  });
}

function collectElements(root, found) {
  for (const element of root.querySelectorAll("*")) {
    found.push(element);
    if (element.shadowRoot) collectElements(element.shadowRoot, found);
  }
}

// The roots that a CSS selector has to be tried in to reach everything below the scope.
function rootsBelow(scope) {
  const roots = [scope];
  if (isElement(scope) && scope.shadowRoot) roots.push(scope.shadowRoot);
  for (const element of elementsBelow(scope)) if (element.shadowRoot) roots.push(element.shadowRoot);
  return roots;
}

function inDocumentOrder(matches, scope) {
  if (matches.size < 2) return [...matches];
  return elementsBelow(scope).filter((element) => matches.has(element));
}

const UNREADABLE = new Set(["script", "style", "noscript", "template", "head", "title", "datalist"]);
const BUTTON_TYPES = new Set(["submit", "button", "reset"]);
const DEFAULT_BUTTON_TEXT = { submit: "Submit", reset: "Reset" };

function buttonText(input) {
  return input.value || (input.hasAttribute("value") ? "" : (DEFAULT_BUTTON_TEXT[input.type] ?? ""));
}

function isButtonInput(element) {
  return tagOf(element) === "input" && BUTTON_TYPES.has(element.type);
}

// Text as rendered: hidden parts are left out, blocks are set apart, text-transform is applied.
function renderedText(element) {
  return remembered(look.texts, element, () => normalise(renderText(element, null)));
}

// As `renderedText`, without what one descendant shows; a label is read without the control that it wraps.
function renderedTextWithout(element, skipped) {
  return normalise(renderText(element, skipped));
}

function renderText(element, skipped) {
  return skipped === null
    ? remembered(look.rendered, element, () => renderElement(element, null))
    : renderElement(element, skipped);
}

function renderElement(element, skipped) {
  const tag = tagOf(element);
  if (element === skipped || UNREADABLE.has(tag)) return "";
  const style = styleOf(element);
  if (style.display === "none" || style.contentVisibility === "hidden") return "";
  if (tag === "br") return "\n";
  const gap = textGap(style.display);
  return gap + renderContent(element, tag, style, skipped) + gap;
}

function renderContent(element, tag, style, skipped) {
  if (tag === "select") return [...element.selectedOptions].map((option) => option.label).join("\n");
  if (isButtonInput(element)) return style.visibility === "visible" ? buttonText(element) : "";
  if (tag === "textarea" || tag === "input") return "";
  // What a closed `details` holds is not rendered, though its computed style does not say so.
  const closed = tag === "details" && !element.open;
  let text = "";
  for (const child of composedChildren(element)) {
    if (child.nodeType === Node.TEXT_NODE) {
      if (!closed && style.visibility === "visible") text += transformed(child.data, style.textTransform);
    } else if (isElement(child) && (!closed || tagOf(child) === "summary" || tagOf(child) === "slot")) {
      text += closed && tagOf(child) === "slot" ? closedSlotText(child, skipped) : renderText(child, skipped);
    }
  }
  return text;
}

function closedSlotText(slot, skipped) {
  return slot
    .assignedNodes()
    .filter((node) => isElement(node) && tagOf(node) === "summary")
    .map((summary) => renderText(summary, skipped))
    .join("");
}

function textGap(display) {
  if (display === "inline" || display === "contents" || display.startsWith("inline-") || display.startsWith("ruby"))
    return "";
  return "\n";
}

function transformed(text, transform) {
  if (transform === "uppercase") return text.toLocaleUpperCase();
  if (transform === "lowercase") return text.toLocaleLowerCase();
  if (transform === "capitalize")
    return text.replace(/(^|[^\p{L}\p{N}'’])(\p{L})/gu, (_, before, letter) => before + letter.toLocaleUpperCase());
  return text;
}

// What an element says to a reader of data: as rendered, or all of its text where it is not rendered at all.
function readableText(element) {
  if (isRendered(element) || element.localName === "option") {
    return element.localName === "option" ? normalise(element.label) : renderedText(element);
  }
  return normalise(rawText(element));
}

function rawText(element) {
  if (UNREADABLE.has(tagOf(element))) return "";
  return composedChildren(element)
    .map((child) => (child.nodeType === Node.TEXT_NODE ? child.data : isElement(child) ? ` ${rawText(child)} ` : ""))
    .join("");
}

function editableValue(element) {
  if ("value" in element && ["input", "textarea", "select"].includes(tagOf(element))) return element.value;
  return element.isContentEditable ? element.innerText.replace(/\n$/, "") : null;
}

// Has a box, or would have one but for `display: contents`.
function isRendered(element) {
  if (!element.isConnected) return false;
  if (element.checkVisibility()) return true;
  if (styleOf(element).display !== "contents") return false;
  const parent = composedParent(element);
  return !isElement(parent) || isRendered(parent);
}

function rectanglesOf(element) {
  if (styleOf(element).display !== "contents") return [...element.getClientRects()];
  const range = document.createRange();
  range.selectNodeContents(element);
  return [...range.getClientRects()];
}

function boxOf(element) {
  const contents = element.isConnected && styleOf(element).display === "contents";
  const { x, y, width, height } = contents ? union(rectanglesOf(element)) : element.getBoundingClientRect();
  return { x, y, width, height };
}

function union(rectangles) {
  const solid = rectangles.filter((rectangle) => rectangle.width > 0 && rectangle.height > 0);
  if (solid.length === 0) return { x: 0, y: 0, width: 0, height: 0 };
  const left = Math.min(...solid.map((rectangle) => rectangle.left));
  const top = Math.min(...solid.map((rectangle) => rectangle.top));
  const right = Math.max(...solid.map((rectangle) => rectangle.right));
  const bottom = Math.max(...solid.map((rectangle) => rectangle.bottom));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

// A box that is not empty, and not `visibility: hidden`. An option is as visible as its list.
function isVisible(element) {
  if (!element.isConnected) return false;
  const tag = tagOf(element);
  if (tag === "option" || tag === "optgroup") {
    const list = element.closest("select");
    if (list) return isVisible(list);
  }
  if (!isRendered(element)) return false;
  if (styleOf(element).display !== "contents" && styleOf(element).visibility !== "visible") return false;
  const box = boxOf(element);
  return box.width > 0 && box.height > 0;
}

function isDisabled(element) {
  return (
    closestComposed(
      element,
      (at) =>
        at.getAttribute("aria-disabled") === "true" ||
        at.matches(
          at === element ? ":disabled" : "button:disabled, option:disabled, optgroup:disabled, select:disabled",
        ),
    ) !== null
  );
}

function isInert(element) {
  return closestComposed(element, (at) => at.inert === true) !== null;
}

const TYPED_INPUTS = new Set(["text", "search", "tel", "url", "email", "password", "number"]);
const SET_INPUTS = new Set(["date", "time", "datetime-local", "month", "week", "range", "color"]);

function takesText(element) {
  const tag = tagOf(element);
  if (tag === "input") return TYPED_INPUTS.has(element.type) || SET_INPUTS.has(element.type);
  return tag === "textarea" || element.isContentEditable;
}

function isEditable(element) {
  if (!takesText(element) && tagOf(element) !== "select") return false;
  return !element.readOnly && element.getAttribute("aria-readonly") !== "true" && !isDisabled(element);
}

const CHECKABLE_ROLES = new Set(["checkbox", "radio", "switch", "menuitemcheckbox", "menuitemradio"]);

// True or false for what can be checked, null for anything else. A mixed state is not checked.
function checkedState(element) {
  if (tagOf(element) === "input" && (element.type === "checkbox" || element.type === "radio")) {
    return element.checked && !element.indeterminate;
  }
  if (CHECKABLE_ROLES.has(roleOf(element))) return element.getAttribute("aria-checked") === "true";
  return null;
}

function deepActiveElement() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

function deepElementFromPoint(x, y) {
  let hit = document.elementFromPoint(x, y);
  while (hit?.shadowRoot) {
    const inner = hit.shadowRoot.elementFromPoint(x, y);
    if (!inner || inner === hit) break;
    hit = inner;
  }
  return hit;
}

// A short line for errors and logs: `button "Save" #save .primary`.
function describe(element) {
  const role = roleOf(element);
  const tag = tagOf(element);
  const name = accessibleName(element) || (isRendered(element) ? renderedText(element) : "");
  const parts = [role && role !== tag ? `${role} (${tag})` : tag];
  if (name) parts.push(`"${shorten(name, 60)}"`);
  if (element.id) parts.push(`#${element.id}`);
  parts.push(...[...element.classList].slice(0, 3).map((name) => `.${name}`));
  return parts.join(" ");
}
