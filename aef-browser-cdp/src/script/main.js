// The entry: one function, one answer shape.

const VERSION = 1;

const OPERATIONS = {
  ping: () => ({ version: VERSION, ...pageState(), readyState: document.readyState }),
  resolve: (request, handle) =>
    untilDone(request.timeoutMs, () => {
      const { element, strategy } = located(request, handle);
      return matchOf(element, strategy, request);
    }),
  prepare,
  readBack,
  verdict,
  release,
  extend,
  mapPoint,
  observe,
  extract,
  fingerprints,
  boxes,
  snapshot,
};

// These answer with the element itself, so that the caller gets a handle.
const HANDLE_OPERATIONS = {
  element: (request, handle) => untilDone(request.timeoutMs, () => located(request, handle).element),
  resolveFrame: (request, handle) =>
    untilDone(request.timeoutMs, () => {
      const { element } = located(request, handle);
      if (!element.matches("iframe, frame")) throw notActionable(element, "wrong_element", "is not a frame");
      return element;
    }),
};

function located(request, handle) {
  return handle ? { element: handle, strategy: null } : oneOf(request.locator, document, request);
}

async function call(operation, request, handle) {
  const complete = {
    ...request,
    testIdAttribute: request?.testIdAttribute ?? "data-testid",
    // From here on: what is waited for below must not lengthen the lease.
    gateUntil: request?.gateMs == null ? Infinity : performance.now() + Number(request.gateMs),
  };
  try {
    if (Object.hasOwn(HANDLE_OPERATIONS, operation)) return await HANDLE_OPERATIONS[operation](complete, handle);
    if (!Object.hasOwn(OPERATIONS, operation))
      throw new Failure("internal", "unknown_operation", `no such operation: ${operation}`);
    return { ok: await OPERATIONS[operation](complete, handle) };
  } catch (failure) {
    const error =
      failure instanceof Failure
        ? failure.error
        : {
            kind: "internal",
            reason: "exception",
            message: `${failure?.name}: ${failure?.message}`,
            stack: String(failure?.stack),
          };
    // Text and not an object: it travels by value where the caller asked for a handle.
    return Object.hasOwn(HANDLE_OPERATIONS, operation) ? JSON.stringify({ error }) : { error };
  }
}

listen();
Object.defineProperty(globalThis, "__aef", { value: Object.freeze({ version: VERSION, call }) });
