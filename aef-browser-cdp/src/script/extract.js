// Reading data: one value, a map of fields, a list of rows; and an outline of the whole page.

async function extract(request) {
  const { spec } = request;
  if (spec === null || typeof spec !== "object") throw new Failure("data", "invalid_request", "spec is an object");
  const value = await untilDone(request.timeoutMs, () => {
    if (spec.list != null) return readRows(spec, request);
    if (spec.fields != null) {
      const scope = spec.target != null ? oneOf(spec.target, document, request).element : document;
      return readFields(spec.fields, scope, "", request);
    }
    return readTarget(spec, request);
  });
  return { value };
}

function readTarget(spec, options) {
  if (spec.read === "count") return anyOf(spec.target, document, options).found.length;
  const element =
    spec.required === false ? existing(spec.target, options) : oneOf(spec.target, document, options).element;
  return element ? readAs(element, spec) : null;
}

function readRows(spec, options) {
  const { found } = anyOf(spec.list, document, options);
  const least = Number(spec.minItems ?? 0);
  if (found.length < least)
    throw new Failure("data", "too_few", `${found.length} items where at least ${least} are wanted`, {
      count: found.length,
    });
  const items = spec.maxItems == null ? found : found.slice(0, Number(spec.maxItems));
  return items.map((item, index) =>
    spec.fields ? readFields(spec.fields, item, `rows[${index}].`, options) : readAs(item, spec),
  );
}

function readFields(fields, scope, path, options) {
  const row = {};
  for (const [name, field] of Object.entries(fields)) {
    try {
      row[name] = readField(asField(field), scope, options);
    } catch (failure) {
      if (failure instanceof Failure) {
        failure.error.field ??= path + name;
        failure.error.message = `field ${failure.error.field}: ${failure.error.message}`;
      }
      throw failure;
    }
  }
  return row;
}

// The short form of a field has the locator's keys beside its own.
function asField(field) {
  if (Array.isArray(field)) return { locator: field };
  if (field === null || typeof field !== "object") throw new Failure("data", "invalid_request", "a field is an object");
  const { locator, read, attribute, required, first, ...rest } = field;
  const own = { read, attribute, required, first };
  if (locator != null) return { locator, ...own };
  return STRATEGIES.some((strategy) => rest[strategy] != null) ? { locator: rest, ...own } : own;
}

function readField(field, scope, options) {
  if (field.locator == null) {
    if (!isElement(scope)) throw new Failure("data", "invalid_request", "a field outside of a list needs a locator");
    return present(readAs(scope, field), field);
  }
  // A field has no recorded fingerprint of its own.
  const { found } = anyOf(field.locator, scope, options);
  if (field.read === "count") return found.length;
  if (found.length === 0) {
    if (field.required) throw notFound(rankedLocators(field.locator), [], scope);
    return null;
  }
  if (found.length > 1 && !field.first)
    throw ambiguous({ found, strategy: 0, locator: rankedLocators(field.locator)[0] });
  return present(readAs(found[0], field), field);
}

function present(value, field) {
  if (field.required && (value === null || value === ""))
    throw new Failure("data", "missing", "it is required and there is nothing to read");
  return value;
}

function readAs(element, { read, attribute }) {
  switch (read ?? (attribute != null ? "attribute" : "text")) {
    case "text":
      return isButtonInput(element) ? normalise(buttonText(element)) : readableText(element);
    case "value":
      return editableValue(element);
    case "attribute":
      return element.getAttribute(attribute);
    case "html":
      return element.innerHTML;
    case "number":
      return firstNumber(["input", "textarea"].includes(tagOf(element)) ? element.value : readableText(element));
    case "count":
      return 1;
    case "checked":
      return checkedState(element);
    case "box":
      return boxOf(element);
    default:
      throw new Failure("data", "invalid_request", `cannot read ${read}`);
  }
}

function fingerprints(request) {
  beginLook();
  const found = request.locators.map((target) => existing(target, request));
  return { fingerprints: found.map((element) => element && fingerprintOf(element, request)) };
}

// Every visible match, for masking what a picture must not show.
function boxes(request) {
  beginLook();
  const found = request.locators.flatMap((target) =>
    rankedLocators(target).flatMap((locator) => matchesOf(locator, document, request).found),
  );
  if (request.secrets) found.push(...secretFields());
  return {
    boxes: [...new Set(found)].filter(isVisible).map((element) => {
      const box = boxOf(element);
      return { ...box, pageX: box.x + scrollX, pageY: box.y + scrollY };
    }),
  };
}

// An outline for evidence: a line for each role and each text that stands by itself.
function snapshot(request) {
  beginLook();
  const limit = Number(request.maxNodes ?? 400);
  const lines = [];
  let truncated = false;
  const write = (depth, line) => {
    if (lines.length >= limit) truncated = true;
    else lines.push("  ".repeat(depth) + line);
    return !truncated;
  };
  if (document.body) outline(document.body, 0, write);
  return { text: lines.join("\n"), nodes: lines.length, truncated };
}

function outline(element, depth, write) {
  for (const child of composedChildren(element)) {
    if (child.nodeType === Node.TEXT_NODE) {
      const text = normalise(child.data);
      if (text && styleOf(element).visibility === "visible" && !write(depth, `text ${quoted(text)}`)) return false;
    } else if (isElement(child) && !UNREADABLE.has(tagOf(child)) && !isLeftOut(child)) {
      const role = roleOf(child);
      if (role && !write(depth, outlineLine(child, role))) return false;
      // A name from content has said already what is inside, except for the controls.
      const said =
        role !== null && NAME_FROM_CONTENT.has(role) && role !== "row" && role !== "cell" && role !== "gridcell";
      if (!said && tagOf(child) !== "select" && !outline(child, role ? depth + 1 : depth, write)) return false;
    }
  }
  return true;
}

function isLeftOut(element) {
  return !isRendered(element) || closestComposed(element, (at) => at.getAttribute("aria-hidden") === "true") !== null;
}

function outlineLine(element, role) {
  const parts = [role];
  const name = accessibleName(element);
  if (name) parts.push(quoted(name));
  if (role === "heading") parts.push(`[level=${element.getAttribute("aria-level") ?? tagOf(element).slice(1)}]`);
  if (checkedState(element) === true) parts.push("[checked]");
  if (isDisabled(element)) parts.push("[disabled]");
  if (element.hasAttribute("aria-expanded")) parts.push(`[expanded=${element.getAttribute("aria-expanded")}]`);
  const value =
    tagOf(element) === "select"
      ? normalise([...element.selectedOptions].map((option) => option.label).join(", "))
      : editableValue(element);
  if (value && !isButtonInput(element) && checkedState(element) === null)
    parts.push(isSecretField(element) ? "value hidden" : `value ${quoted(normalise(value))}`);
  return parts.join(" ");
}
