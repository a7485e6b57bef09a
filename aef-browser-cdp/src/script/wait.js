// Waiting inside the page, and the checks an element has to pass before something is done to it.

const LONGEST_WAIT = 20_000;
const EAGER_LOOKS = 5;
const LOOK_INTERVAL = 50;
const FRAME_FALLBACK = 100;

// The next animation frame; a background tab has none, so a timer stands beside it.
function nextFrame() {
  return new Promise((resolve) => {
    const timer = setTimeout(done, FRAME_FALLBACK);
    const frame = requestAnimationFrame(done);
    function done() {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      resolve();
    }
  });
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// Tries until the attempt returns instead of throwing a `Failure`, or the time is over; the last failure is thrown
// then. Each attempt starts from the locators again: a page may replace an element at any time.
async function untilDone(timeoutMs, attempt) {
  const deadline = performance.now() + Math.min(Math.max(Number(timeoutMs) || 0, 0), LONGEST_WAIT);
  for (let tries = 0; ; tries++) {
    const started = performance.now();
    beginLook();
    try {
      return await attempt(tries);
    } catch (failure) {
      if (!(failure instanceof Failure) || isFinal(failure) || performance.now() >= deadline) throw failure;
    }
    // Looking at a large page is work that the page has to wait for: never more than a third of the time.
    const cost = performance.now() - started;
    const rest = deadline - performance.now();
    if (tries >= EAGER_LOOKS) await pause(Math.min(Math.max(LOOK_INTERVAL, 2 * cost), Math.max(rest, 0)));
    await nextFrame();
  }
}

// What waiting does not mend: mistakes in the request, and an element that is the wrong kind of thing.
function isFinal(failure) {
  const { kind, reason } = failure.error;
  if (failure.mayPass) return false;
  if (kind === "internal" || kind === "lease_ended") return true;
  if (kind === "data") return reason !== "missing" && reason !== "too_few";
  return kind === "not_actionable" && (reason === "value_rejected" || reason === "wrong_element");
}

function notActionable(element, reason, message, more = {}) {
  const description = element.isConnected ? describe(element) : `${tagOf(element)} (detached)`;
  return new Failure("not_actionable", reason, `${description} ${message}`, { description, ...more });
}

function requireAttached(element) {
  if (!element.isConnected) throw notActionable(element, "detached", "left the document");
}

function requireVisible(element) {
  requireAttached(element);
  if (isVisible(element)) return;
  const box = boxOf(element);
  const why = !isRendered(element)
    ? "is not rendered"
    : box.width > 0 && box.height > 0
      ? "is invisible"
      : "has an empty box";
  throw notActionable(element, "not_visible", why);
}

function requireEnabled(element) {
  if (isDisabled(element)) throw notActionable(element, "disabled", "is disabled");
  if (isInert(element)) throw notActionable(element, "inert", "is inert");
}

function requireEditable(element) {
  if (!takesText(element)) {
    throw notActionable(
      element,
      "not_editable",
      tagOf(element) === "select" ? "is a list: use select" : "does not take text",
    );
  }
  if (!isEditable(element)) throw notActionable(element, "not_editable", "is read-only");
}

// The same box in two animation frames. What was laid out before this call is one of them; where an animation runs on
// the element or around it, its first frame still shows the starting place, so one more is looked at.
async function requireStable(element) {
  const start = boxOf(element);
  await nextFrame();
  requireSameBox(element, start);
  if (!isAnimated(element)) return;
  const first = boxOf(element);
  await nextFrame();
  requireSameBox(element, first);
}

function requireSameBox(element, before) {
  requireAttached(element);
  if (!sameBox(before, boxOf(element))) throw notActionable(element, "not_stable", "is moving");
}

function sameBox(one, other) {
  return ["x", "y", "width", "height"].every((side) => one[side] === other[side]);
}

function isAnimated(element) {
  return document.getAnimations().some((animation) => {
    const target = animation.effect?.target;
    return animation.playState === "running" && isElement(target) && composedContains(target, element);
  });
}

// Scrolling. The first try leaves alone what is in view; the others move the element away from what may cover it, such
// as a sticky header.
const ALIGNMENTS = [
  null,
  { block: "end", inline: "end" },
  { block: "center", inline: "center" },
  { block: "start", inline: "start" },
];

function bringIntoView(element, tries, position) {
  const alignment = ALIGNMENTS[tries % ALIGNMENTS.length];
  const anchor = boxedAnchor(element);
  if (alignment) anchor.scrollIntoView({ ...alignment, behavior: "instant" });
  else if (!pointIn(element, position))
    anchor.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  if (position && !pointIn(element, position)) revealPoint(element, position);
}

// An element without a box of its own cannot be scrolled to, but what it shows can.
function boxedAnchor(element) {
  if (styleOf(element).display !== "contents") return element;
  return elementsBelow(element).find((inner) => inner.getClientRects().length > 0) ?? element;
}

// Scrolls every container so far that one point of a large element is inside of it.
function revealPoint(element, position) {
  for (const container of [...composedAncestors(element)]) {
    if (!isScroller(container)) continue;
    const box = boxOf(element);
    const view =
      container === document.scrollingElement
        ? { x: 0, y: 0, width: innerWidth, height: innerHeight }
        : boxOf(container);
    const left = box.x + position.x - (view.x + view.width / 2);
    const top = box.y + position.y - (view.y + view.height / 2);
    container.scrollBy({ left, top, behavior: "instant" });
  }
}

function isScroller(element) {
  if (element.scrollHeight <= element.clientHeight && element.scrollWidth <= element.clientWidth) return false;
  if (element === document.scrollingElement) return true;
  const { overflowX, overflowY } = getComputedStyle(element);
  return [overflowX, overflowY].some(
    (overflow) => overflow === "auto" || overflow === "scroll" || overflow === "hidden",
  );
}

// Where a pointer would meet the element: the given place, or the middle of the first part of it that is in view. Null
// where nothing is.
function pointIn(element, position) {
  const clip = clipOf(element);
  if (position) {
    const box = boxOf(element);
    const point = { x: box.x + Number(position.x), y: box.y + Number(position.y) };
    return inside(point, clip) ? point : null;
  }
  for (const rectangle of rectanglesOf(element)) {
    const part = intersection(rectangle, clip);
    if (part) return { x: (part.left + part.right) / 2, y: (part.top + part.bottom) / 2 };
  }
  return null;
}

// The part of the viewport that the containers around an element let through.
function clipOf(element) {
  let clip = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
  let position = getComputedStyle(element).position;
  for (const ancestor of composedAncestors(element)) {
    if (position === "fixed") break;
    if (ancestor === document.body || ancestor === document.documentElement) break;
    const style = getComputedStyle(ancestor);
    // A positioned element is not clipped by a container that is not positioned itself.
    const escapes = position === "absolute" && style.position === "static" && style.transform === "none";
    if (!escapes && style.display !== "inline" && style.display !== "contents") {
      if (style.overflowX !== "visible" || style.overflowY !== "visible")
        clip = intersection(clip, ancestor.getBoundingClientRect()) ?? NOWHERE;
      position = style.position;
    }
  }
  return clip;
}

const NOWHERE = { left: 0, top: 0, right: 0, bottom: 0 };

function intersection(one, other) {
  const left = Math.max(one.left, other.left);
  const top = Math.max(one.top, other.top);
  const right = Math.min(one.right, other.right);
  const bottom = Math.min(one.bottom, other.bottom);
  return right - left > 0 && bottom - top > 0 ? { left, top, right, bottom } : null;
}

function inside(point, clip) {
  return point.x >= clip.left && point.x < clip.right && point.y >= clip.top && point.y < clip.bottom;
}

// A point at which the pointer meets the element, tried in the middle first and for labels, which often hold links, at
// their ends.
function requireMeetingPoint(element, position) {
  const point = pointIn(element, position);
  if (!point) {
    throw notActionable(
      element,
      "out_of_view",
      position ? "does not reach the given position inside the viewport" : "cannot be scrolled into view",
    );
  }
  const points = position || element.localName !== "label" ? [point] : [point, ...endsOf(element)];
  const meeting = points.find(({ x, y }) => {
    const hit = deepElementFromPoint(x, y);
    return hit !== null && hits(element, hit);
  });
  if (meeting) return meeting;
  const hit = deepElementFromPoint(point.x, point.y);
  const covering = hit ? describe(hit) : "nothing";
  const hint = styleOf(element).pointerEvents === "none" ? " (it has pointer-events: none)" : "";
  throw notActionable(element, "covered", `is covered by ${covering}${hint}`, { covering });
}

const NEAR_THE_END = 3;

function endsOf(element) {
  const clip = clipOf(element);
  return rectanglesOf(element).flatMap((rectangle) => {
    const part = intersection(rectangle, clip);
    if (!part) return [];
    const y = (part.top + part.bottom) / 2;
    return [
      { x: part.left + NEAR_THE_END, y },
      { x: part.right - NEAR_THE_END, y },
    ];
  });
}

// Whether an event that meets `hit` acts on the element: on it or inside of it, or on what stands for it, a label or
// the link or button around it.
function hits(element, hit) {
  return standIns(element).some((standIn) => composedContains(standIn, hit) && !divertsFrom(standIn, hit));
}

function standIns(element) {
  const found = [element];
  const around = closestComposed(element, (at) =>
    at.matches("button, a[href], summary, [role=button], [role=link], label"),
  );
  if (around) found.push(around);
  if (around?.localName === "label" && around.control) found.push(around.control);
  if (element.labels) found.push(...element.labels);
  return found;
}

// A link or another control inside of a label takes the click for itself.
function divertsFrom(standIn, hit) {
  if (standIn.localName !== "label") return false;
  const inner = closestComposed(hit, (at) => at === standIn || at.matches("a[href], button, input, select, textarea"));
  return inner !== standIn && inner !== standIn.control;
}
