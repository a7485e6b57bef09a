// Values: filling, reading back, choosing options, selecting text, scrolling.

function fill({ element }, request) {
  const value = fillValue(element, request);
  if (request.secret) conceal(element, value);
  if (tagOf(element) === "select") return select({ element }, { value });
  bringIntoView(element, 0, null);
  focus(element);
  if (tagOf(element) === "input" && SET_INPUTS.has(element.type) && value !== "")
    return setValue(element, value, request);
  if (tagOf(element) === "input" && SET_INPUTS.has(element.type)) return setValue(element, "", request);
  selectAll(element);
  if (value !== "") return { done: false, mode: "insert_text", token: armKeys(element, request) };
  // An edit as a person makes it: pages hear the usual trusted input events.
  if (editableValue(element) !== "" && !document.execCommand("delete")) setNatively(element, "");
  if (normalise(editableValue(element)) !== "") throw rejected(element, "", request);
  return { done: true, mode: "set" };
}

function fillValue(element, request) {
  const { value } = request;
  if (!["string", "number", "boolean"].includes(typeof value))
    throw new Failure("data", "invalid_request", "fill takes a string, a number or a boolean");
  const text = String(value);
  if (element.type === "number" && text.trim() !== "" && !Number.isFinite(Number(text)))
    throw rejected(element, text, request, "takes numbers only");
  return text;
}

function selectAll(element) {
  if (element.isContentEditable) getSelection().selectAllChildren(element);
  else element.select();
}

function setValue(element, value, request) {
  const before = element.value;
  const wanted = element.type === "color" ? value.trim().toLowerCase() : value.trim();
  setNatively(element, wanted, false);
  if (!sameControlValue(element, wanted)) {
    setNatively(element, before, false);
    throw rejected(element, wanted, request, `does not take this ${element.type}`);
  }
  announce(element);
  return { done: true, mode: "set" };
}

// Frameworks replace `value` on the element to notice writes of their own; the prototype's setter is the browser's.
function setNatively(element, value, announced = true) {
  if (element.isContentEditable) {
    element.textContent = value;
  } else {
    const prototype = tagOf(element) === "textarea" ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
    Object.getOwnPropertyDescriptor(prototype, "value").set.call(element, value);
  }
  if (announced) announce(element);
}

function announce(element) {
  element.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  element.dispatchEvent(new Event("change", { bubbles: true }));
}

function sameControlValue(element, wanted) {
  const value = element.value;
  if (value === wanted) return true;
  // A range and a color cannot be empty: clearing them gives the default.
  if (wanted === "") return element.type === "range" || element.type === "color";
  if (element.type === "range") return Number(value) === Number(wanted);
  if (element.type === "time" || element.type === "datetime-local") {
    const plain = (text) => text.replace(" ", "T").replace(/(T|^)(\d\d:\d\d):00(\.0+)?$/, "$1$2");
    return value !== "" && plain(value) === plain(wanted);
  }
  return false;
}

function rejected(element, expected, request, message = "did not keep the value") {
  const actual = request.secret ? {} : { actual: editableValue(element) ?? "" };
  return notActionable(element, "value_rejected", message, actual);
}

async function readBack(request) {
  const { element } = gateOf(request.token);
  requireAttached(element);
  const expected = String(request.expected);
  // A page's mask may work in the next frame.
  const reading = await untilDone(request.timeoutMs ?? 200, () => {
    const value = editableValue(element) ?? "";
    const exact = sameText(element, value, expected);
    if (!exact && (lettersAndDigits(value) === "" || lettersAndDigits(value) !== lettersAndDigits(expected))) {
      throw readBackFailure(element, request);
    }
    return { exact, value };
  });
  return request.secret ? { exact: reading.exact } : reading;
}

// Unlike a refusal known beforehand, a value read back may still change: this failure is retried for the time given.
function readBackFailure(element, request) {
  const failure = rejected(element, request.expected, request);
  failure.mayPass = true;
  return failure;
}

function sameText(element, value, expected) {
  if (element.type === "number") return value !== "" && Number(value) === Number(expected);
  const lines = (text) => text.replace(/\r\n?/g, "\n");
  return element.isContentEditable ? normalise(value) === normalise(expected) : lines(value) === lines(expected);
}

function lettersAndDigits(text) {
  return text.replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();
}

function select({ element }, request) {
  if (tagOf(element) !== "select") throw notActionable(element, "wrong_element", "is not a select");
  const wanted = choices(request);
  if (wanted.length !== 1 && !element.multiple)
    throw new Failure("data", "invalid_request", "this list takes one option");
  const options = wanted.map((choice) => optionFor(element, choice));
  bringIntoView(element, 0, null);
  focus(element);
  const before = [...element.options].map((option) => option.selected);
  if (element.multiple) for (const option of element.options) option.selected = options.includes(option);
  else options[0].selected = true;
  const changed = [...element.options].some((option, index) => option.selected !== before[index]);
  if (changed) announce(element);
  return {
    done: true,
    changed,
    value: options.map((option) => option.value),
    labels: options.map((option) => normalise(option.label)),
  };
}

function choices({ value, label, index }) {
  const list = (one) => (Array.isArray(one) ? one : [one]);
  if (label != null) return list(label).map((each) => ({ label: each }));
  return index != null ? list(index).map((each) => ({ index: each })) : list(value);
}

function optionFor(list, choice) {
  const found = optionsFor(list, choice);
  const candidates = [...list.options].slice(0, LISTED).map((option) => `${option.value} "${normalise(option.label)}"`);
  if (found.length === 0) {
    throw new Failure("element_not_found", "option", `no option ${JSON.stringify(choice)} in ${describe(list)}`, {
      candidates,
    });
  }
  if (found.length > 1 && found.some((option) => option.value !== found[0].value)) {
    throw new Failure("ambiguous", "option", `${found.length} options match ${JSON.stringify(choice)}`, {
      count: found.length,
      candidates,
    });
  }
  if (found[0].matches(":disabled")) throw notActionable(found[0], "disabled", "is disabled");
  return found[0];
}

function optionsFor(list, choice) {
  const options = [...list.options];
  const byLabel = (label) => options.filter((option) => normalise(option.label) === normalise(label));
  if (choice !== null && typeof choice === "object") {
    if (choice.index != null) return options.slice(Number(choice.index), Number(choice.index) + 1);
    if (choice.label != null) return byLabel(choice.label);
    if (choice.value != null) return options.filter((option) => option.value === String(choice.value));
    throw new Failure("data", "invalid_request", "an option is named by value, label or index");
  }
  const byValue = options.filter((option) => option.value === String(choice));
  return byValue.length > 0 ? byValue : byLabel(choice);
}

function selectText({ element }, request) {
  bringIntoView(element, 0, null);
  if (["input", "textarea"].includes(tagOf(element))) return selectInControl(element, request);
  const nodes = textNodes(element);
  const whole = nodes.map((node) => node.data).join("");
  const { from, to } = textRange(element, whole, request);
  const selection = getSelection();
  const range = document.createRange();
  range.setStart(...placeAt(nodes, from, element));
  range.setEnd(...placeAt(nodes, to, element));
  selection.removeAllRanges();
  selection.addRange(range);
  return { done: true, value: selection.toString() };
}

function selectInControl(element, request) {
  focus(element);
  if (request.text == null && request.from == null && request.to == null) {
    element.select();
    return { done: true, value: element.value };
  }
  const { from, to } = textRange(element, element.value, request);
  try {
    element.setSelectionRange(from, to);
  } catch {
    throw notActionable(element, "wrong_element", `of type ${element.type} can only be selected as a whole`);
  }
  return { done: true, value: element.value.slice(from, to) };
}

function textNodes(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT, (node) =>
    UNREADABLE.has(node.parentElement?.localName) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

function textRange(element, whole, request) {
  if (request.text != null) {
    const words = normalise(request.text)
      .split(" ")
      .map((word) => word.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"));
    const match = words[0] === "" ? null : new RegExp(words.join("\\s+"), "u").exec(whole);
    if (!match) throw new Failure("element_not_found", "text", `the text is not in ${describe(element)}`);
    return { from: match.index, to: match.index + match[0].length };
  }
  const bounded = (offset) => Math.min(Math.max(Number(offset), 0), whole.length);
  return { from: bounded(request.from ?? 0), to: bounded(request.to ?? whole.length) };
}

function placeAt(nodes, offset, element) {
  let rest = offset;
  for (const node of nodes) {
    if (rest <= node.length) return [node, rest];
    rest -= node.length;
  }
  return [element, 0];
}

async function scroll({ element }, request) {
  const to = request.to ?? (element ? "into_view" : "page_down");
  if (to === "into_view") {
    if (!element) throw new Failure("data", "invalid_request", "into_view needs a target");
    boxedAnchor(element).scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
    await nextFrame();
    const box = boxOf(element);
    return { done: true, value: { x: box.x, y: box.y }, page: pageState() };
  }
  const scroller = scrollerFor(element);
  const before = { x: scroller.scrollLeft, y: scroller.scrollTop };
  scroller.scrollTo({ ...scrollGoal(scroller, to), behavior: "instant" });
  // The page hears of it with the next frame; what it loads then may make the content longer.
  await nextFrame();
  const value = { x: scroller.scrollLeft, y: scroller.scrollTop };
  const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1;
  return { done: true, value, atEnd, changed: value.x !== before.x || value.y !== before.y, page: pageState() };
}

function scrollGoal(scroller, to) {
  if (to === "top") return { top: 0 };
  if (to === "bottom") return { top: scroller.scrollHeight };
  // A little less than a page, so that a reader of rows sees each of them whole.
  if (to === "page_down") return { top: scroller.scrollTop + scroller.clientHeight * 0.9 };
  if (to !== null && typeof to === "object" && (to.x != null || to.y != null)) {
    return { ...(to.x != null ? { left: Number(to.x) } : {}), ...(to.y != null ? { top: Number(to.y) } : {}) };
  }
  throw new Failure("data", "invalid_request", "scroll goes to top, bottom, page_down, into_view or {x, y}");
}

// The element or what scrolls around it; without one the page, or the largest scrolling part of a page that does not
// scroll itself.
function scrollerFor(element) {
  const page = document.scrollingElement ?? document.documentElement;
  if (element) return closestComposed(element, isScrollable) ?? page;
  if (page.scrollHeight > page.clientHeight) return page;
  const area = (candidate) => candidate.clientWidth * candidate.clientHeight;
  const parts = elementsBelow(document).filter((candidate) => isScrollable(candidate) && isVisible(candidate));
  return parts.reduce(
    (largest, candidate) => (area(candidate) > area(largest) ? candidate : largest),
    parts[0] ?? page,
  );
}

function isScrollable(element) {
  if (element.scrollHeight <= element.clientHeight && element.scrollWidth <= element.clientWidth) return false;
  if (element === document.scrollingElement) return true;
  const { overflowX, overflowY } = getComputedStyle(element);
  return [overflowX, overflowY].some((overflow) => overflow === "auto" || overflow === "scroll");
}
