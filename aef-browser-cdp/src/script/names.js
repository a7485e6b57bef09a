// Roles by "ARIA in HTML" and names by "Accessible Name and Description Computation 1.2".

// The names in a text, whatever stands between them.
function wordSet(text) {
  return new Set(text.trim().split(/\s+/));
}

const ROLES = wordSet(`
  alert alertdialog application article banner blockquote button caption cell checkbox code columnheader combobox
  complementary contentinfo definition deletion dialog document emphasis feed figure form generic grid gridcell
  group heading img insertion link list listbox listitem log main mark marquee math menu menubar menuitem
  menuitemcheckbox menuitemradio meter navigation none note option paragraph presentation progressbar radio
  radiogroup region row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong
  subscript superscript switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid
  treeitem
`);
const ROLE_SYNONYMS = { image: "img", none: "presentation", directory: "list" };
const PLAIN_ROLES = {
  article: "article",
  blockquote: "blockquote",
  button: "button",
  caption: "caption",
  code: "code",
  datalist: "listbox",
  dd: "definition",
  del: "deletion",
  details: "group",
  dfn: "term",
  dialog: "dialog",
  dt: "term",
  em: "emphasis",
  fieldset: "group",
  figure: "figure",
  h1: "heading",
  h2: "heading",
  h3: "heading",
  h4: "heading",
  h5: "heading",
  h6: "heading",
  hgroup: "group",
  hr: "separator",
  html: "document",
  ins: "insertion",
  main: "main",
  mark: "mark",
  math: "math",
  menu: "list",
  meter: "meter",
  nav: "navigation",
  ol: "list",
  optgroup: "group",
  option: "option",
  output: "status",
  p: "paragraph",
  progress: "progressbar",
  s: "deletion",
  search: "search",
  strong: "strong",
  sub: "subscript",
  sup: "superscript",
  svg: "img",
  table: "table",
  tbody: "rowgroup",
  tfoot: "rowgroup",
  thead: "rowgroup",
  textarea: "textbox",
  time: "time",
  tr: "row",
  ul: "list",
  address: "group",
};
const INPUT_ROLES = {
  button: "button",
  image: "button",
  reset: "button",
  submit: "button",
  file: "button",
  checkbox: "checkbox",
  radio: "radio",
  range: "slider",
  number: "spinbutton",
  hidden: null,
};
const SECTIONING = `article, aside, main, nav, section, [role=article], [role=complementary], [role=main],
  [role=navigation], [role=region]`;
const GLOBAL_ARIA = [
  "aria-atomic",
  "aria-busy",
  "aria-controls",
  "aria-current",
  "aria-describedby",
  "aria-details",
  "aria-dropeffect",
  "aria-flowto",
  "aria-grabbed",
  "aria-keyshortcuts",
  "aria-label",
  "aria-labelledby",
  "aria-live",
  "aria-owns",
  "aria-relevant",
  "aria-roledescription",
];

// The role, or null where an element has none of interest (generic and presentational ones).
function roleOf(element) {
  return remembered(look.roles, element, () => {
    const role = explicitRole(element) ?? implicitRole(element);
    return role === "presentation" || role === "generic" ? null : role;
  });
}

function explicitRole(element) {
  const tokens = (element.getAttribute("role") ?? "").toLowerCase().split(/\s+/);
  for (const token of tokens) {
    const role = ROLE_SYNONYMS[token] ?? token;
    if (!ROLES.has(role)) continue;
    // A presentational role is void on what can be focused or says something global about itself.
    if (role === "presentation" && (isFocusable(element) || GLOBAL_ARIA.some((name) => element.hasAttribute(name))))
      continue;
    return role;
  }
  return null;
}

function isFocusable(element) {
  if (element.hasAttribute("tabindex") || element.isContentEditable) return true;
  if (element.matches("a[href], area[href], summary, iframe")) return true;
  return element.matches("button, input:not([type=hidden]), select, textarea") && !element.matches(":disabled");
}

function implicitRole(element) {
  if (element.namespaceURI !== "http://www.w3.org/1999/xhtml") return element.localName === "svg" ? "img" : null;
  const tag = tagOf(element);
  if (belongsToPresentation(element, tag)) return null;
  switch (tag) {
    case "a":
    case "area":
      return element.hasAttribute("href") ? "link" : null;
    case "aside":
      return isScopedToPage(element, "article, aside, nav, section") || hasNameAttribute(element)
        ? "complementary"
        : null;
    case "footer":
      return isScopedToPage(element, SECTIONING) ? "contentinfo" : null;
    case "header":
      return isScopedToPage(element, SECTIONING) ? "banner" : null;
    case "form":
      return hasNameAttribute(element) ? "form" : null;
    case "section":
      return hasNameAttribute(element) ? "region" : null;
    case "img":
      return element.getAttribute("alt") === "" && !hasNameAttribute(element) ? null : "img";
    case "input":
      return inputRole(element);
    case "li":
      return element.parentElement?.matches("ul, ol, menu, [role=list]") ? "listitem" : null;
    case "select":
      return element.multiple || element.size > 1 ? "listbox" : "combobox";
    case "summary":
      return element.parentElement?.localName === "details" ? "button" : null;
    case "td":
      return isInGrid(element) ? "gridcell" : "cell";
    case "th":
      return headerRole(element);
    default:
      return PLAIN_ROLES[tag] ?? null;
  }
}

function hasNameAttribute(element) {
  return ["aria-label", "aria-labelledby", "title"].some((name) => (element.getAttribute(name) ?? "").trim() !== "");
}

function isScopedToPage(element, sectioning) {
  return element.parentElement?.closest(sectioning) == null;
}

function inputRole(input) {
  if (input.type in INPUT_ROLES) return INPUT_ROLES[input.type];
  if (input.list && ["text", "search", "tel", "url", "email"].includes(input.type)) return "combobox";
  return input.type === "search" ? "searchbox" : "textbox";
}

function isInGrid(cell) {
  const role = cell.closest("table")?.getAttribute("role");
  return role === "grid" || role === "treegrid";
}

function headerRole(header) {
  const scope = header.scope;
  if (scope === "row" || scope === "rowgroup") return "rowheader";
  if (scope === "col" || scope === "colgroup") return "columnheader";
  const row = header.closest("tr");
  const headsRow = row?.querySelector(":scope > td") != null && row.cells?.[0] === header;
  return headsRow ? "rowheader" : "columnheader";
}

// The parts of a list or table lose their roles together with it.
function belongsToPresentation(element, tag) {
  const owner =
    tag === "li" ? element.parentElement : /^(td|th|tr|tbody|thead|tfoot)$/.test(tag) ? element.closest("table") : null;
  return owner != null && explicitRole(owner) === "presentation";
}

// Absent from the accessibility tree: not rendered, invisible, or under `aria-hidden`. Inert ones stay, so that acting
// on them can say why not.
function isHiddenFromRoles(element) {
  return remembered(look.hidden, element, () => {
    const tag = tagOf(element);
    if (tag === "option" || tag === "optgroup") {
      const list = element.closest("select");
      if (list) return isHiddenFromRoles(list);
    }
    if (!isRendered(element)) return true;
    if (styleOf(element).display !== "contents" && styleOf(element).visibility !== "visible") return true;
    return closestComposed(element, (at) => at.getAttribute("aria-hidden") === "true") !== null;
  });
}

const NAME_FROM_CONTENT = wordSet(`
  button cell checkbox columnheader gridcell heading link menuitem menuitemcheckbox menuitemradio option radio row
  rowheader switch tab tooltip treeitem
`);
const NAME_PROHIBITED = wordSet(`
  caption code definition deletion emphasis insertion mark paragraph strong subscript superscript term time
`);

function accessibleName(element) {
  return remembered(look.names, element, () => {
    if (NAME_PROHIBITED.has(roleOf(element))) return "";
    return normalise(
      nameOf(element, { root: element, visited: new Set(), referenced: false, hiddenAllowed: false, inside: false }),
    );
  });
}

// One step of the computation; `inside` says that the text becomes part of the name of `root`. The letters are those of
// the specification.
function nameOf(element, context) {
  if (context.visited.has(element)) return "";
  if (!context.hiddenAllowed && isHiddenForNames(element)) return ""; // 2A
  if (!context.referenced) {
    // 2B
    const names = referencedElements(element, "aria-labelledby");
    if (names.length > 0) return names.map((target) => referencedName(target, context)).join(" ");
  }
  context.visited.add(element);
  if (context.inside) {
    // 2C
    const value = embeddedValue(element, context);
    if (value !== null) return value;
  }
  const label = (element.getAttribute("aria-label") ?? "").trim();
  if (label) return label; // 2D
  const native = nativeName(element, context);
  if (native) return native; // 2E
  if (context.inside || NAME_FROM_CONTENT.has(roleOf(element)) || element.localName === "summary") {
    // 2F
    const content = contentName(element, context);
    if (content.trim()) return content;
  }
  return tooltip(element); // 2I
}

// Something hidden may name another element, but what is hidden inside of what is shown does not.
function isHiddenForNames(element) {
  if (isHiddenFromRoles(element)) return element.localName !== "slot" || styleOf(element).display === "none";
  return UNREADABLE.has(tagOf(element));
}

function referencedElements(element, attribute) {
  const ids = (element.getAttribute(attribute) ?? "").split(/\s+/).filter(Boolean);
  const root = element.getRootNode();
  return ids.map((id) => root.getElementById?.(id)).filter(Boolean);
}

function referencedName(target, context) {
  // An element may name itself (`aria-labelledby` with its own id), so each reference starts with a fresh set.
  return nameOf(target, {
    root: context.root,
    visited: new Set(),
    referenced: true,
    inside: true,
    hiddenAllowed: isHiddenForNames(target),
  });
}

function embeddedValue(element, context) {
  if (element === context.root) return null;
  const role = roleOf(element);
  const tag = tagOf(element);
  if (isSecretField(element)) return "";
  if (role === "textbox" || role === "searchbox")
    return tag === "input" || tag === "textarea" ? element.value : rawText(element);
  if (role === "combobox" || role === "listbox") {
    if (tag === "select") return [...element.selectedOptions].map((option) => option.label).join(" ");
    if (tag === "input") return element.value;
    const chosen = [...element.querySelectorAll("[role=option][aria-selected=true]")];
    return chosen.map((option) => nameOf(option, { ...context, inside: true })).join(" ");
  }
  if (role === "slider" || role === "spinbutton" || role === "progressbar" || role === "scrollbar") {
    return (
      element.getAttribute("aria-valuetext") ?? element.getAttribute("aria-valuenow") ?? String(element.value ?? "")
    );
  }
  return null;
}

const CHILD_NAMES = { fieldset: "legend", figure: "figcaption", table: "caption" };

function nativeName(element, context) {
  if (explicitRole(element) === "presentation") return "";
  const tag = tagOf(element);
  if (tag === "svg")
    return [...element.children].find((child) => child.localName === "title")?.textContent.trim() ?? "";
  const labels = labelsName(element, context);
  if (labels) return labels;
  if (tag === "input" && BUTTON_TYPES.has(element.type)) return buttonText(element);
  if (tag === "input" && element.type === "image") return element.alt || element.title || "Submit Query";
  if (tag === "img" || tag === "area") return element.getAttribute("alt") ?? "";
  if (tag === "optgroup") return element.label;
  if (tag === "option") return element.label;
  if (tag in CHILD_NAMES) {
    const child = [...element.children].find((candidate) => candidate.localName === CHILD_NAMES[tag]);
    if (child) return nameOf(child, { ...context, referenced: false, inside: true });
  }
  return "";
}

function labelsName(element, context) {
  const labels = element.labels ? [...element.labels] : [];
  // Inside a label the control itself is not asked for its labels again.
  if (labels.length === 0 || labels.some((label) => context.visited.has(label))) return "";
  return labels
    .map((label) =>
      nameOf(label, { ...context, referenced: true, inside: true, hiddenAllowed: isHiddenForNames(label) }),
    )
    .join(" ")
    .trim();
}

function contentName(element, context) {
  const inner = { ...context, inside: true };
  let text = pseudoText(element, "::before");
  for (const child of [...composedChildren(element), ...referencedElements(element, "aria-owns")]) {
    if (child.nodeType === Node.TEXT_NODE) {
      text += child.data;
    } else if (isElement(child)) {
      const gap = textGap(styleOf(child).display) || child.localName === "br" ? " " : "";
      text += gap + nameOf(child, inner) + gap;
    }
  }
  return text + pseudoText(element, "::after");
}

function pseudoText(element, pseudo) {
  const style = getComputedStyle(element, pseudo);
  const content = style.content;
  if (content === "none" || content === "normal" || style.display === "none" || style.visibility !== "visible")
    return "";
  // `content: "★" / "starred"` names its alternative after the slash.
  const alternative = content.match(/\/\s*((?:"(?:[^"\\]|\\.)*"\s*)+)$/);
  const source = alternative ? alternative[1] : content;
  let text = "";
  for (const [, quoted, attribute] of source.matchAll(/"((?:[^"\\]|\\.)*)"|attr\(([\w-]+)\)/g)) {
    text += attribute ? (element.getAttribute(attribute) ?? "") : quoted.replace(/\\(.)/g, "$1");
  }
  const gap = textGap(style.display) ? " " : "";
  return gap + text + gap;
}

function tooltip(element) {
  const title = (element.getAttribute("title") ?? "").trim();
  if (title) return title;
  return element.matches("input, textarea")
    ? (element.getAttribute("placeholder") ?? element.getAttribute("aria-placeholder") ?? "")
    : "";
}

// What an element was when it was recorded.
function fingerprintOf(element, options) {
  const fingerprint = { role: roleOf(element), name: shorten(accessibleName(element), 200), tag: tagOf(element) };
  if (element.id) fingerprint.id = element.id;
  const testId = element.getAttribute(options.testIdAttribute);
  if (testId !== null) fingerprint.testId = testId;
  return fingerprint;
}

// Ids and test ids are hints and often generated: only role, name and tag decide, as far as they were recorded.
function sameFingerprint(expected, actual) {
  return (
    (expected.role == null || expected.role === actual.role) &&
    (expected.tag == null || expected.tag === actual.tag) &&
    (expected.name == null || normalise(expected.name) === normalise(actual.name))
  );
}
