// Conditions: what holds on the page, and what was seen.

async function observe(request) {
  const { conditions } = request;
  if (!Array.isArray(conditions)) throw new Failure("data", "invalid_request", "conditions is a list");
  let results = [];
  try {
    await untilDone(request.poll ? request.timeoutMs : 0, () => {
      results = conditions.map((condition) => judged(condition, request));
      const mistaken = results.find((result) => result.error && isFinal(result));
      if (mistaken) throw Object.assign(new Failure("data", "invalid_condition", "waiting cannot mend this"), { error: mistaken.error });
      if (!results.every((result) => result.holds)) throw new Failure("data", "missing", "not all conditions hold yet");
    });
  } catch (failure) {
    // The last look is the answer, also where it was refused by a mistake in a condition: `judged` keeps that as its error.
    if (!(failure instanceof Failure)) throw failure;
  }
  return { holds: results.every((result) => result.holds), results, page: pageState() };
}

function judged(condition, options) {
  try {
    return evaluate(condition, options);
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    return { holds: false, detail: failure.error.message, error: failure.error };
  }
}

const CONDITIONS = {
  const: (value, options, condition) => ({ holds: value === true, detail: condition.detail ?? `it was ${value}` }),
  visible: (target, options) => {
    const element = existing(target, options);
    return element ? seen(isVisible(element), `${describe(element)} was ${isVisible(element) ? "visible" : "hidden"}`) : seen(false, nothing(target));
  },
  hidden: (target, options) => {
    const shown = anyOf(target, document, options).found.filter(isVisible);
    return shown.length > 0 ? seen(false, `${shown.map(describe).slice(0, 3).join(", ")} was visible`) : seen(true, "nothing of it was visible");
  },
  enabled: (target, options) => stateOf(target, options, (element) => !isDisabled(element), "enabled", "disabled"),
  disabled: (target, options) => stateOf(target, options, isDisabled, "disabled", "enabled"),
  editable: (target, options) => stateOf(target, options, isEditable, "editable", "not editable"),
  checked: (target, options) => stateOf(target, options, (element) => {
    const state = checkedState(element);
    if (state === null) throw notActionable(element, "wrong_element", "cannot be checked");
    return state;
  }, "checked", "not checked"),
  text: (test, options) => {
    const element = oneOf(test.target, document, options).element;
    return compared("text", readableText(element), test, true);
  },
  value: (test, options) => {
    const element = oneOf(test.target, document, options).element;
    const value = editableValue(element);
    if (value === null) throw notActionable(element, "wrong_element", "has no value");
    return isSecretField(element) ? concealed(compared("value", value, test, true)) : compared("value", value, test, true);
  },
  attribute: (test, options) => {
    const element = oneOf(test.target, document, options).element;
    const value = element.getAttribute(test.name);
    if (value === null) return seen(false, `there was no attribute ${test.name}`);
    return hasComparison(test) ? compared(`attribute ${test.name}`, value, test, true) : seen(true, `attribute ${test.name} was there`);
  },
  count: (test, options) => {
    const count = anyOf(test.target, document, options).found.length;
    return measured("count", count, test);
  },
  number: (test, options) => {
    const text = readableText(oneOf(test.target, document, options).element);
    const number = firstNumber(text);
    return number === null ? seen(false, `there was no number in ${quoted(text)}`) : measured("number", number, test);
  },
  url: (test) => compared("url", location.href, test, false),
  title: (test) => compared("title", document.title, test, true),
  all: (conditions, options) => {
    const results = conditions.map((condition) => judged(condition, options));
    const failing = results.find((result) => result.error) ?? results.find((result) => !result.holds);
    return { ...(failing ?? { detail: details(results) }), holds: !failing };
  },
  any: (conditions, options) => {
    const results = conditions.map((condition) => judged(condition, options));
    const holding = results.find((result) => result.holds);
    if (holding) return holding;
    const error = results.find((result) => result.error)?.error;
    return { holds: false, detail: details(results), ...(error ? { error } : {}) };
  },
  // What could not be read is not known to be false.
  not: (condition, options) => {
    const result = judged(condition, options);
    return result.error ? result : { holds: !result.holds, detail: result.detail };
  },
};

function evaluate(condition, options) {
  const kind = condition !== null && typeof condition === "object" ? Object.keys(condition).find((key) => key in CONDITIONS) : undefined;
  if (!kind) throw new Failure("data", "invalid_condition", `not a condition: ${shorten(JSON.stringify(condition) ?? "", 160)}`);
  return CONDITIONS[kind](condition[kind], options, condition);
}

function seen(holds, detail) {
  return { holds, detail: shorten(detail, 300) };
}

function details(results) {
  return shorten(results.map((result) => result.detail).join("; "), 300);
}

function nothing(target) {
  return `nothing matched ${written(rankedLocators(target)[0])}`;
}

function quoted(text) {
  return JSON.stringify(shorten(text, 160));
}

// The one element, or null where there is none; several are an error.
function existing(target, options) {
  try {
    return oneOf(target, document, options).element;
  } catch (failure) {
    if (failure.error?.kind === "element_not_found") return null;
    throw failure;
  }
}

function stateOf(target, options, test, yes, no) {
  const { element } = oneOf(target, document, options);
  const holds = test(element);
  return seen(holds, `${describe(element)} was ${holds ? yes : no}`);
}

const COMPARISONS = {
  equals: (text, wanted) => text === wanted,
  contains: (text, wanted) => text.includes(wanted),
  starts_with: (text, wanted) => text.startsWith(wanted),
  ends_with: (text, wanted) => text.endsWith(wanted),
};
const COMPARISON_NAMES = { startsWith: "starts_with", endsWith: "ends_with" };

function hasComparison(test) {
  return Object.keys(test).some((key) => (COMPARISON_NAMES[key] ?? key) in COMPARISONS || key === "matches");
}

function compared(what, text, test, collapse) {
  const clean = collapse ? normalise : String;
  const actual = clean(text);
  if (!hasComparison(test)) throw new Failure("data", "invalid_condition", `${what} needs a comparison`);
  const holds = Object.entries(test).every(([key, wanted]) => {
    if (wanted == null) return true;
    if (key === "matches") return pattern(wanted).test(actual);
    const compare = COMPARISONS[COMPARISON_NAMES[key] ?? key];
    return !compare || compare(actual, clean(wanted));
  });
  return seen(holds, `${what} was ${quoted(actual)}`);
}

// Rust writes flags in front of an expression, JavaScript behind it.
function pattern(source) {
  const leading = /^\(\?([ims]+)\)/.exec(source);
  try {
    return new RegExp(leading ? source.slice(leading[0].length) : source, `u${leading ? leading[1] : ""}`);
  } catch {
    throw new Failure("data", "invalid_regex", `not a regular expression: ${source}`);
  }
}

const MEASURES = {
  equals: (number, wanted) => number === wanted,
  atLeast: (number, wanted) => number >= wanted,
  atMost: (number, wanted) => number <= wanted,
  lessThan: (number, wanted) => number < wanted,
  greaterThan: (number, wanted) => number > wanted,
};

function measured(what, number, test) {
  const bounds = Object.entries(test).filter(([key, wanted]) => key in MEASURES && wanted != null);
  if (bounds.length === 0) throw new Failure("data", "invalid_condition", `${what} needs a comparison`);
  const holds = bounds.every(([key, wanted]) => {
    if (String(wanted).trim() === "" || !Number.isFinite(Number(wanted))) throw new Failure("data", "invalid_condition", `${what} is compared with a number, not ${quoted(String(wanted))}`);
    return MEASURES[key](number, Number(wanted));
  });
  return seen(holds, `${what} was ${number}`);
}

// The first number of a text, thousands separators understood: 1,234.50, 1.234,50, 1'234, -3. One comma before exactly three digits separates
// thousands; one dot is a decimal point.
function firstNumber(text) {
  const match = /(?<![\p{L}\p{N}])[-−+]?\d+(?:[.,'’]\d+)*|[-−+]?\d+(?:[.,'’]\d+)*/u.exec(text);
  if (!match) return null;
  let written = match[0].replace("−", "-").replace(/['’]/g, "");
  // A dash that joins a word and its number (`INV-12`) is not a sign.
  if (/^[-+]/.test(written) && /[\p{L}\p{N}]$/u.test(text.slice(0, match.index))) written = written.slice(1);
  const dots = written.split(".").length - 1;
  const commas = written.split(",").length - 1;
  if (dots > 0 && commas > 0) {
    const decimal = written.lastIndexOf(".") > written.lastIndexOf(",") ? "." : ",";
    written = written.replaceAll(decimal === "." ? "," : ".", "").replace(decimal, ".");
  } else if (commas > 1 || (commas === 1 && /^[-+]?\d{1,3},\d{3}$/.test(written))) {
    written = written.replaceAll(",", "");
  } else if (commas === 1) {
    written = written.replace(",", ".");
  } else if (dots > 1) {
    written = written.replaceAll(".", "");
  }
  const number = Number(written);
  return Number.isFinite(number) ? number : null;
}

function isSecretField(element) {
  return element.type === "password" || /\b(current-password|new-password|one-time-code|cc-(number|csc))\b/.test(element.autocomplete ?? "");
}

function concealed(result) {
  return { ...result, detail: "the value of a secret field is not shown" };
}
