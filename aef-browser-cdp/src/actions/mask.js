// Paints over what a picture must not show, above everything else on the page, until it is called without a request.
async function (request) {
  globalThis.__aefMask?.remove();
  globalThis.__aefMask = null;
  if (!request) return 0;
  const answer = await globalThis.__aef.call("boxes", request);
  if (answer.error) throw new Error(answer.error.message);
  const boxes = answer.ok.boxes.filter((box) => box.width > 0 && box.height > 0);
  if (boxes.length === 0) return 0;
  const host = document.createElement("div");
  host.popover = "manual";
  host.style.cssText = "all: initial; display: block; position: absolute; left: 0; top: 0; width: 0; height: 0; overflow: visible; pointer-events: none; z-index: 2147483647";
  const root = host.attachShadow({ mode: "closed" });
  for (const box of boxes) {
    const paint = document.createElement("div");
    paint.style.cssText = `position: absolute; left: ${box.pageX}px; top: ${box.pageY}px; width: ${box.width}px; height: ${box.height}px; background: #404040`;
    root.append(paint);
  }
  document.documentElement.append(host);
  // The top layer: a modal dialog would cover any z-index.
  host.showPopover();
  globalThis.__aefMask = host;
  return boxes.length;
}
