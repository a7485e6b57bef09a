// The gate between input and page: at the real event it looks again whether the right element gets it, and whether it
// still may.

const POINTER_EVENTS = [
  "pointerdown",
  "mousedown",
  "pointerup",
  "mouseup",
  "click",
  "auxclick",
  "dblclick",
  "contextmenu",
];
const HOVER_EVENTS = ["pointermove", "mousemove"];
const KEY_EVENTS = ["keydown", "keypress", "keyup", "beforeinput", "compositionstart"];
// A gate whose verdict nobody asks for must not stand in the page's way for ever.
const FORGOTTEN_AFTER = 10_000;
const LONGEST_GATE = 60_000;
// A page that stalled hears its timers and its input at once; the input must find the gate still armed.
const DRAINED_AFTER = 1_000;

// At most one gate is armed: actions come one at a time.
let armed = null;
let lastToken = 0;

// The listeners stand from the beginning, before those of the page, and rest while no gate is armed. A `document.open`
// takes them away; adding them again does nothing where they are still there.
function listen() {
  for (const kind of [...POINTER_EVENTS, ...HOVER_EVENTS, ...KEY_EVENTS])
    addEventListener(kind, guard, { capture: true, passive: false });
}

// `meets` says whether an event's innermost element is the right one; null accepts any.
function arm({ kinds, meets, gateUntil, swallowOthers, details }) {
  disarm();
  listen();
  const gate = {
    ...details,
    token: `g${++lastToken}`,
    kinds,
    meets,
    swallowOthers,
    deadline: gateUntil,
    record: { received: 0, passed: 0, hit: null, swallowed: false, swallowReason: null, pressed: false, held: false },
  };
  armed = gate;
  forgetLater(gate);
  return gate.token;
}

function forgetLater(gate) {
  clearTimeout(gate.timer);
  const left = Math.min(Math.max(gate.deadline - performance.now(), 0), LONGEST_GATE);
  gate.timer = setTimeout(() => {
    gate.timer = setTimeout(() => {
      if (armed === gate) disarm();
    }, DRAINED_AFTER);
  }, left + FORGOTTEN_AFTER);
}

// The lease was renewed while a long gesture is under way.
function extend({ token, gateUntil }) {
  const gate = gateOf(token);
  gate.deadline = Math.max(gate.deadline, gateUntil);
  forgetLater(gate);
  return {};
}

// What the script does by itself is input, too.
function requireOpenGate({ gateUntil }) {
  if (performance.now() > gateUntil) throw new Failure("lease_ended", "lease_ended", "the lease ended before the page was changed");
}

function disarm() {
  if (armed) clearTimeout(armed.timer);
  armed = null;
}

function guard(event) {
  const gate = armed;
  if (!gate || !event.isTrusted || !gate.kinds.includes(event.type)) return;
  const { record } = gate;
  record.received += 1;
  if (event.type === "pointerdown") record.pressed = record.held = true;
  if (event.type === "pointerup") record.held = false;
  const met = event.composedPath()[0];
  if (record.hit === null) record.hit = gate.meets === null || gate.meets(met);
  if (!record.swallowed) decide(gate, met);
  if (!record.swallowed) {
    record.passed += 1;
    // A page that spreads a code over several fields moves the focus while it is typed.
    if (gate.secret && isElement(met)) conceal(met, "");
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
}

// Once something of a gesture is swallowed the rest is too: half a click is worse than none.
function decide(gate, met) {
  const { record } = gate;
  if (performance.now() > gate.deadline) {
    record.swallowed = true;
    record.swallowReason = "late";
  } else if (record.hit === false && record.passed === 0 && gate.swallowOthers) {
    record.swallowed = true;
    record.swallowReason = "other_element";
    beginLook();
    record.other = isElement(met) ? describe(met) : "document";
  }
}

function gateOf(token) {
  if (armed?.token !== token) throw new Failure("data", "unknown_token", `no gate ${token} is armed`);
  return armed;
}

function armPointer(element, request, details) {
  return arm({
    kinds: POINTER_EVENTS,
    gateUntil: request.gateUntil,
    swallowOthers: !request.force,
    details: { element, ...details },
    meets: request.force ? null : (met) => isElement(met) && hits(element, met),
  });
}

function armHover(element, request) {
  return arm({
    kinds: HOVER_EVENTS,
    gateUntil: request.gateUntil,
    swallowOthers: false,
    details: { element },
    meets: (met) => isElement(met) && hits(element, met),
  });
}

// Focus may rightly move on after the first key; only where the first one goes is checked.
function armKeys(element, request) {
  return arm({
    kinds: KEY_EVENTS,
    gateUntil: request.gateUntil,
    swallowOthers: true,
    details: { element, secret: request.secret },
    meets: element
      ? (met) =>
          isElement(met) &&
          (composedContains(element, met) || (element.isContentEditable && composedContains(met, element)))
      : null,
  });
}

// Input for a child frame that reaches this frame has missed it.
function armAgainstAll(request) {
  return arm({
    kinds: POINTER_EVENTS,
    gateUntil: request.gateUntil,
    swallowOthers: true,
    details: { element: null },
    meets: () => false,
  });
}
