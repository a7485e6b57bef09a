// Whether a page is at rest. Comparing the boxes of two animation frames is most of what a click costs; where nothing
// has changed for a while there is nothing to compare. What moves without being noticed here (a rule that a script
// rewrites, say) is still met by the gate: it swallows a click that would go astray, and the next try compares frames.

const AT_REST = 100;

// By root: since when it is watched. The watch begins with the first pointer action, so that pages that are only read
// bear no cost of it.
const watchedSince = new WeakMap();
let lastChange = 0;
const changes = new MutationObserver(noteChange);

// What changes while a gate is armed answers to our own input, and is no motion.
function noteChange() {
  if (!armed) lastChange = performance.now();
}

function watchRoot(root) {
  const since = watchedSince.get(root);
  if (since !== undefined) return since;
  const now = performance.now();
  watchedSince.set(root, now);
  changes.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
  // Pictures and frames take their room when they are loaded.
  for (const kind of ["scroll", "load", "error"]) root.addEventListener(kind, noteChange, { capture: true, passive: true });
  return now;
}

function isAtRest(element) {
  let since = 0;
  for (let root = element.getRootNode(); root; root = root.host?.getRootNode())
    since = Math.max(since, watchRoot(root));
  if (changes.takeRecords().length > 0) noteChange();
  if (performance.now() - Math.max(since, lastChange) < AT_REST) return false;
  if (document.readyState !== "complete" || document.fonts.status !== "loaded") return false;
  return !document.getAnimations().some((animation) => animation.playState === "running");
}
