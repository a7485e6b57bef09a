// Conditions: what holds on the page, and what was seen.

async function observe(request) {
  const { conditions } = request;
  if (!Array.isArray(conditions)) throw new Failure("data", "invalid_request", "conditions is a list");
  let results = [];
  try {
    await untilDone(request.poll ? request.timeoutMs : 0, () => {
      results = conditions.map((condition) => judged(condition, request));
      const mistaken = results.find((result) => result.error && isFinal(result));
      if (mistaken)
        throw Object.assign(new Failure("data", "invalid_condition", "waiting cannot mend this"), {
          error: mistaken.error,
        });
      if (!results.every((result) => result.holds)) throw new Failure("data", "missing", "not all conditions hold yet");
    });
  } catch (failure) {
    // The last look is the answer, also where it was refused by a mistake in a condition: `judged` keeps that as its
    // error.
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
    return element
      ? seen(isVisible(element), `${describe(element)} was ${isVisible(element) ? "visible" : "hidden"}`)
      : seen(false, nothing(target));
  },
  hidden: (target, options) => {
    const shown = anyOf(target, document, options).found.filter(isVisible);
    return shown.length > 0
      ? seen(false, `${shown.map(describe).slice(0, 3).join(", ")} was visible`)
      : seen(true, "nothing of it was visible");
  },
  enabled: (target, options) => stateOf(target, options, (element) => !isDisabled(element), "enabled", "disabled"),
  disabled: (target, options) => stateOf(target, options, isDisabled, "disabled", "enabled"),
  editable: (target, options) => stateOf(target, options, isEditable, "editable", "not editable"),
  checked: (target, options) =>
    stateOf(
      target,
      options,
      (element) => {
        const state = checkedState(element);
        if (state === null) throw notActionable(element, "wrong_element", "cannot be checked");
        return state;
      },
      "checked",
      "not checked",
    ),
  text: (test, options) => {
    const element = oneOf(test.target, document, options).element;
    return compared("text", readableText(element), test, true);
  },
  value: (test, options) => {
    const element = oneOf(test.target, document, options).element;
    const value = editableValue(element);
    if (value === null) throw notActionable(element, "wrong_element", "has no value");
    return isSecretField(element)
      ? concealed(compared("value", value, test, true))
      : compared("value", value, test, true);
  },
  attribute: (test, options) => {
    const element = oneOf(test.target, document, options).element;
    const value = element.getAttribute(test.name);
    if (value === null) return seen(false, `there was no attribute ${test.name}`);
    return hasComparison(test)
      ? compared(`attribute ${test.name}`, value, test, true)
      : seen(true, `attribute ${test.name} was there`);
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
  if (typeof condition === "boolean") return CONDITIONS.const(condition, options, {});
  const kind =
    condition !== null && typeof condition === "object"
      ? Object.keys(condition).find((key) => key in CONDITIONS)
      : undefined;
  if (!kind)
    throw new Failure("data", "invalid_condition", `not a condition: ${shorten(JSON.stringify(condition) ?? "", 160)}`);
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
    if (String(wanted).trim() === "" || !Number.isFinite(Number(wanted)))
      throw new Failure(
        "data",
        "invalid_condition",
        `${what} is compared with a number, not ${quoted(String(wanted))}`,
      );
    return MEASURES[key](number, Number(wanted));
  });
  return seen(holds, `${what} was ${number}`);
}

// The first number of a text, by the rules of the filter `number`: digits grouped by commas, points, apostrophes or
// spaces. The last of two different separators is the decimal one; a lone one is decimal unless exactly three digits
// follow a comma, or it stands more than once.
function firstNumber(text) {
  const match = /\d(?:\d|[.,](?=\d)|[ \u00a0\u202f'’](?=\d{3}(?!\d)))*/.exec(text);
  if (!match) return null;
  const digits = match[0].replace(/[^\d.,]/g, "");
  const decimal = decimalSeparator(digits);
  const plain = [...digits]
    .map((character, at) => (/\d/.test(character) ? character : at === decimal ? "." : ""))
    .join("");
  // A dash that joins a word and its number (`INV-12`) is not a sign.
  const negative = /(?<![\p{L}\p{N}])[-−]\s*$/u.test(text.slice(0, match.index));
  return negative ? -Number(plain) : Number(plain);
}

function decimalSeparator(digits) {
  const last = Math.max(digits.lastIndexOf("."), digits.lastIndexOf(","));
  if (last < 0) return null;
  const separator = digits[last];
  const lone = digits.indexOf(separator) === last;
  const grouped = separator === "," && !digits.includes(".") && digits.length - last === 4;
  return lone && !grouped ? last : null;
}

function isSecretField(element) {
  return (
    isConcealed(element) ||
    element.type === "password" ||
    /\b(current-password|new-password|one-time-code|cc-(number|csc))\b/.test(element.autocomplete ?? "")
  );
}

function concealed(result) {
  return { ...result, detail: "the value of a secret field is not shown" };
}
