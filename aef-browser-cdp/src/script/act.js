// What is done to elements: preparing input that the caller sends, and all that needs none.

// Which checks an action waits for. `pointer` includes scrolling and the hit test.
const NEEDS = {
  click: { visible: true, enabled: true, pointer: true },
  dblclick: { visible: true, enabled: true, pointer: true },
  check: { visible: true, enabled: true, pointer: true },
  uncheck: { visible: true, enabled: true, pointer: true },
  hover: { visible: true, pointer: true },
  drag: { visible: true, pointer: true },
  drop: { visible: true, pointer: true },
  fill: { visible: true, enabled: true, editable: true },
  clear: { visible: true, enabled: true, editable: true },
  type: { visible: true, enabled: true, editable: true },
  select: { visible: true, enabled: true },
  select_text: { visible: true },
  screenshot: { visible: true, stable: true },
  press: {},
  focus: {},
  upload: {},
  scroll: {},
  attached: {},
};

const PERFORMERS = {
  click: preparePointer,
  dblclick: preparePointer,
  drag: preparePointer,
  check: prepareCheck,
  uncheck: prepareCheck,
  hover: (target, request) => ({ point: target.point, token: armHover(target.element, request), done: false }),
  drop: (target) => ({ point: target.point, token: null, done: false }),
  fill,
  clear: (target, request) => fill(target, { ...request, value: "" }),
  type: prepareTyping,
  press: preparePress,
  select,
  select_text: selectText,
  scroll,
  focus: (target) => {
    focus(target.element);
    return { done: true };
  },
  upload: prepareUpload,
  attached: () => ({ done: true }),
  screenshot: ({ element }) => {
    const box = boxOf(element);
    return { done: true, box, pageBox: { ...box, x: box.x + scrollX, y: box.y + scrollY } };
  },
};

function prepare(request, handle) {
  const { action } = request;
  if (!(action in NEEDS)) throw new Failure("data", "invalid_request", `no such action: ${action}`);
  if (request.target == null && !handle && (action === "press" || action === "scroll")) {
    return PERFORMERS[action]({ element: null }, request);
  }
  let alignment = 0;
  return untilDone(request.timeoutMs, async () => {
    const found = handle ? { element: handle, strategy: null } : oneOf(request.target, document, request);
    const element = acted(found.element, action);
    try {
      const point = await check(element, action, request, alignment);
      // What the element is, is told before the page hears of anything: it may well replace it.
      const match = matchOf(element, found.strategy, request);
      requireOpenGate(request);
      const performed = await PERFORMERS[action]({ element, point }, request);
      return { ...match, page: pageState(), ...performed };
    } catch (failure) {
      if (failure.error?.reason === "covered" || failure.error?.reason === "out_of_view") alignment += 1;
      if (failure.error) failure.error.strategy ??= found.strategy;
      throw failure;
    }
  });
}

const FOLLOWS_LABEL = new Set(["fill", "clear", "type", "select", "check", "uncheck", "upload", "press", "focus"]);

// A label stands for its control where the action makes no sense on the label.
function acted(element, action) {
  const isControl = element.matches("input, textarea, select, button, [role]") || element.isContentEditable;
  if (isControl || !FOLLOWS_LABEL.has(action)) return element;
  return element.closest("label")?.control ?? element;
}

async function check(element, action, request, alignment) {
  requireAttached(element);
  const needs = NEEDS[action];
  if (request.force) return needs.pointer ? forcedPoint(element, request) : null;
  // The native box of a styled checkbox is often hidden; its label is what a person clicks.
  const surface = needs.pointer ? clickedSurface(element, action) : element;
  if (needs.visible) requireVisible(surface);
  if (needs.enabled) requireEnabled(element);
  // A list takes the option that is filled in; recordings do not say what kind of field a value went to.
  if (needs.editable && !(action === "fill" && tagOf(element) === "select")) requireEditable(element);
  if (needs.pointer) return hitPoint(element, surface, action, request, alignment);
  if (needs.stable) {
    bringIntoView(surface, 0, null);
    await requireStable(surface);
    requireVisible(surface);
  }
  return null;
}

function clickedSurface(element, action) {
  if ((action === "check" || action === "uncheck") && !isVisible(element) && element.labels) {
    return [...element.labels].find(isVisible) ?? element;
  }
  return element;
}

// The actions whose gate swallows input that another element would get.
const GUARDED = new Set(["click", "dblclick", "check", "uncheck"]);

async function hitPoint(element, surface, action, request, alignment) {
  if (isAlreadyChecked(element, action)) return null;
  const before = boxOf(surface);
  bringIntoView(surface, alignment, request.position);
  // A gate that swallows what goes astray stands behind the one look; a scrolled page answers in its next frame.
  const isGuarded = GUARDED.has(action) && !request.cautious && alignment === 0;
  if (!(isGuarded && sameBox(before, boxOf(surface)) && isAtRest(surface))) await requireStable(surface);
  // The page ran between the frames: nothing found before the wait is taken for granted.
  beginLook();
  requireVisible(surface);
  if (NEEDS[action].enabled) requireEnabled(element);
  return requireMeetingPoint(surface, request.position);
}

function forcedPoint(element, request) {
  bringIntoView(element, 0, request.position);
  const point = pointIn(element, request.position);
  if (!point) throw notActionable(element, "out_of_view", "has no point in the viewport");
  return point;
}

function matchOf(element, strategy, request) {
  beginLook();
  return {
    ref: reference(element),
    strategy,
    description: describe(element),
    fingerprint: fingerprintOf(element, request),
    box: boxOf(element),
    visible: isVisible(element),
    page: pageState(),
  };
}

function pageState() {
  return { url: location.href, title: document.title };
}

function preparePointer({ element, point }, request) {
  return { point, token: armPointer(element, request, {}), done: false };
}

function isAlreadyChecked(element, action) {
  return (action === "check" || action === "uncheck") && checkedState(element) === (action === "check");
}

function prepareCheck({ element, point }, request) {
  const wanted = request.action === "check";
  const state = checkedState(element);
  if (state === null) throw notActionable(element, "wrong_element", "cannot be checked");
  if (state === wanted) return { done: true, changed: false };
  if (!wanted && (element.type === "radio" || roleOf(element) === "radio"))
    throw notActionable(element, "wrong_element", "is a radio button and cannot be unchecked");
  return { point, token: armPointer(element, request, { wanted }), done: false, changed: true };
}

// Focuses, and insists: a page that takes the focus away again would get the keys elsewhere.
function focus(element) {
  element.focus({ preventScroll: true });
  const active = deepActiveElement();
  const holds =
    active === element ||
    (element.isContentEditable && active !== null && composedContains(active, element)) ||
    (element.shadowRoot?.delegatesFocus && active !== null && composedContains(element, active));
  if (!holds) throw notActionable(element, "not_focused", "does not take the focus");
}

function prepareTyping({ element }, request) {
  if (request.secret) conceal(element, request.value);
  bringIntoView(element, 0, null);
  focus(element);
  caretToEnd(element);
  return { done: false, mode: "keys", token: armKeys(element, request) };
}

function caretToEnd(element) {
  if (element.isContentEditable) {
    const selection = getSelection();
    selection.selectAllChildren(element);
    selection.collapseToEnd();
    return;
  }
  try {
    element.setSelectionRange(element.value.length, element.value.length);
  } catch {
    // Inputs of type number and email have no selection interface, but the caret moves all the same.
    getSelection().modify("move", "forward", "lineboundary");
  }
}

function preparePress({ element }, request) {
  if (element) focus(element);
  return { done: false, token: armKeys(element, request), ...(element ? {} : { page: pageState() }) };
}

function prepareUpload({ element }, request) {
  // Another element is clicked, and opens a chooser for an input that is often not in the document at all.
  if (!(tagOf(element) === "input" && element.type === "file")) return { done: true, chooser: true };
  if (request.multiple && !element.multiple) throw notActionable(element, "wrong_element", "takes one file only");
  return { done: true };
}

function release({ token }) {
  if (token == null || armed?.token === token) disarm();
  return {};
}

async function verdict(request) {
  if (request.token == null)
    return { received: 0, passed: 0, hit: null, swallowed: false, swallowReason: null, page: pageState() };
  const { element, wanted, record } = gateOf(request.token);
  disarm();
  const answer = { ...record, page: pageState() };
  // A click of which the page has not heard both ends has changed nothing yet.
  if (wanted === undefined || record.swallowed || !record.pressed || record.held) return answer;
  await untilDone(request.timeoutMs ?? 1000, () => {
    // A page that renders anew on each click has replaced the element by now; then there is nothing left to compare
    // with.
    if (element.isConnected && checkedState(element) !== wanted) {
      throw notActionable(element, "state_unchanged", `is still ${wanted ? "unchecked" : "checked"} after the click`);
    }
  });
  return { ...answer, checked: wanted, page: pageState() };
}

// A point of a child frame's viewport in this frame, where the pointer must meet the frame's element.
function mapPoint(request, handle) {
  if (!handle) throw new Failure("data", "invalid_request", "mapPoint needs the handle of an iframe");
  if (request.blind) {
    const point = fromFrame(handle, request.point);
    return { point, pagePoint: { x: point.x + scrollX, y: point.y + scrollY } };
  }
  return untilDone(request.timeoutMs, () => {
    requireVisible(handle);
    let point = fromFrame(handle, request.point);
    if (!inside(point, clipOf(handle))) {
      const box = boxOf(handle);
      revealPoint(handle, { x: point.x - box.x, y: point.y - box.y });
      point = fromFrame(handle, request.point);
    }
    if (!inside(point, clipOf(handle))) throw notActionable(handle, "out_of_view", "does not show the point");
    const hit = deepElementFromPoint(point.x, point.y);
    if (hit !== handle) {
      const covering = hit ? describe(hit) : "nothing";
      throw notActionable(handle, "covered", `is covered by ${covering}`, { covering });
    }
    return { point, ...(request.arm ? { token: armAgainstAll(request) } : {}) };
  });
}

function fromFrame(frame, point) {
  const box = frame.getBoundingClientRect();
  const style = getComputedStyle(frame);
  // A scaled frame scales what is in it.
  const scale = {
    x: frame.offsetWidth ? box.width / frame.offsetWidth : 1,
    y: frame.offsetHeight ? box.height / frame.offsetHeight : 1,
  };
  return {
    x: box.x + scale.x * (frame.clientLeft + parseFloat(style.paddingLeft) + Number(point.x)),
    y: box.y + scale.y * (frame.clientTop + parseFloat(style.paddingTop) + Number(point.y)),
  };
}
