// Makes a form of the inputs of an engine, submits it with a publishable key, and shows what became of it:
// <script src="https://aef.example/engines-api/embed.js" data-engine="invoices" data-key="aef_…"></script>
// data-target selects the element that gets the form (else it stands before the script), data-submit is the button's text.
(() => {
  "use strict";
  const script = document.currentScript;
  const { engine, key, target, submit = "Submit" } = script.dataset;
  const style = `:where(.aef-page){max-width:44rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif}
:where(.aef-form),:where(.aef-form fieldset){display:grid;gap:1rem;min-width:0}
:where(.aef-form :is(label,legend)){font-weight:600}
:where(.aef-form :is(input:not([type=checkbox]),select,textarea)){display:block;width:100%;box-sizing:border-box;font:inherit}
:where(.aef-form :is(input,select,textarea,button)){padding:.4rem .6rem;font:inherit}
:where(.aef-form [aria-invalid=true]){outline:2px solid}
:where(.aef-form p){margin:.2rem 0;overflow-wrap:anywhere}
:where(.aef-error){font-weight:600;color:light-dark(#b3261e,#ffb4ab)}
:where(.aef-form progress){width:100%}`;

  const make = (tag, properties = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...inside);
    return made;
  };
  const mistake = (properties, text) => make("p", { className: "aef-error", ...properties }, text);
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const sleep = (time) => new Promise((done) => setTimeout(done, time));
  const scope = `aef-${random().slice(0, 8)}`;
  let count = 0;

  const call = async (path, init) => {
    const answer = await fetch(new URL(path, new URL(".", script.src)), { ...init, credentials: "omit", cache: "no-store" });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body;
    const error = new Error(body.detail ?? `The server answered ${answer.status}.`);
    throw Object.assign(error, { status: answer.status, faults: body.errors ?? [], wait: Number(answer.headers.get("retry-after")) });
  };

  // What is wrong with a value, in words; nothing where it fits. The server checks all of it again.
  const wrong = (schema, value, required) => {
    if (value === undefined) return !required ? "" : ("const" in schema ? "Tick this to go on." : "Fill this in.");
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern, format } = schema;
    if (typeof value === "number") {
      if (schema.type === "integer" && !Number.isInteger(value)) return "Enter a whole number.";
      if (value < minimum) return `Enter ${minimum} or more.`;
      if (value > maximum) return `Enter ${maximum} or less.`;
      if (value <= exclusiveMinimum) return `Enter more than ${exclusiveMinimum}.`;
      if (value >= exclusiveMaximum) return `Enter less than ${exclusiveMaximum}.`;
      if (multipleOf && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9) return `Enter a multiple of ${multipleOf}.`;
    } else if (typeof value === "string") {
      const length = [...value].length;
      if (length < minLength) return `Enter at least ${minLength} characters.`;
      if (length > maxLength) return `Enter at most ${maxLength} characters.`;
      if (format === "email" && !/^[^\s@]+@[^\s@]+$/.test(value)) return "Enter an e-mail address, such as name@example.org.";
      if (format === "uri" && !URL.canParse(value)) return "Enter a full address, such as https://example.org.";
      let fits = true;
      try { fits = !pattern || new RegExp(pattern, "u").test(value); } catch { /* A pattern of another dialect is the server's. */ }
      if (!fits) return "Enter it in the form that is asked for.";
    } else if (Array.isArray(value)) {
      if (value.length < schema.minItems) return `Give at least ${schema.minItems}.`;
      if (value.length > schema.maxItems) return `Give at most ${schema.maxItems}.`;
      if (schema.uniqueItems && new Set(value.map((one) => JSON.stringify(one))).size < value.length) return "Give each only once.";
    }
    return "";
  };

  const number = (text) => {
    const value = Number(text);
    if (Number.isFinite(value)) return value;
    throw new Error("Enter a number, such as 12.5.");
  };
  const json = (text) => {
    try { return JSON.parse(text); } catch { throw new Error("Enter JSON."); }
  };

  // A field: an element with label, hint and message. `value` gives what was entered, undefined for nothing.
  const leaf = (schema, name, required, controls, value, group) => {
    const id = `${scope}-${++count}`;
    const [first] = controls;
    const message = mistake({ id: `${id}-error` }, "");
    const hint = make("p", { id: `${id}-hint` }, schema.description ?? "");
    const text = required || first.type === "checkbox" ? name : `${name} (optional)`;
    first.id = id;
    (group ?? first).setAttribute("aria-describedby", `${hint.id} ${message.id}`);
    const node = group ?? make("div");
    if (group) group.prepend(make("legend", {}, text), hint, message);
    else {
      first.required = required && first.type !== "checkbox";
      const label = make("label", { htmlFor: id }, text);
      if (first.type === "checkbox") node.append(first, " ", label, hint, message);
      else node.append(label, hint, message, first);
    }
    const field = { node, name, first, at: "", leaves: () => [field] };
    field.say = (words) => {
      field.message = message.textContent = words;
      for (const control of controls) control.setAttribute("aria-invalid", Boolean(words));
    };
    field.read = (at) => {
      field.at = at;
      field.entered = true;
      try {
        if (first.validity.badInput) throw new Error("Enter all of it.");
        const read = value();
        field.entered = read !== undefined && read !== false;
        field.say(wrong(schema, read, required));
        return read;
      } catch (error) { field.say(error.message); }
    };
    node.addEventListener("input", () => field.message && field.read(field.at));
    return field;
  };

  const types = { email: "email", uri: "url", date: "date", "date-time": "datetime-local", password: "password" };
  const entry = (schema, type, name, required, initial) => {
    const isNumber = type === "number" || type === "integer";
    const isText = type === "string";
    const time = schema.format === "date-time";
    const secret = schema.writeOnly || schema.format === "password";
    const long = schema.maxLength > 200 || schema.format === "multiline" || !(isText || isNumber);
    const control = make(long && !secret ? "textarea" : "input", { autocomplete: secret ? "off" : "on" });
    if (control.localName === "input") control.type = secret ? "password" : types[schema.format] ?? "text";
    else control.rows = 4;
    if (isNumber) control.inputMode = schema.type === "integer" ? "numeric" : "decimal";
    if (initial !== undefined) {
      const local = (moment) => new Date(moment - moment.getTimezoneOffset() * 6e4).toISOString().slice(0, 16);
      control.value = time ? local(new Date(initial)) : isText || isNumber ? initial : JSON.stringify(initial, null, 1);
    }
    const value = (text) => (isNumber ? number(text) : time ? new Date(text).toISOString() : isText ? text : json(text));
    const hinted = isText || isNumber ? schema : { ...schema, description: `${schema.description ?? ""} As JSON.`.trim() };
    return leaf(hinted, name, required, [control], () => (control.value === "" ? undefined : value(control.value)));
  };

  const choices = (schema) => {
    const titled = schema.oneOf ?? schema.anyOf;
    if (titled?.every((one) => "const" in one)) return titled.map((one) => [one.const, one.title ?? `${one.const}`]);
    return schema.enum?.map((value) => [value, `${value}`]);
  };
  const select = (schema, options, name, required, initial) => {
    const list = options.map(([value, text], index) => make("option", { value: index, selected: value === initial }, text));
    const control = make("select", {}, make("option", { value: "" }, ""), ...list);
    return leaf(schema, name, required, [control], () => options[control.value]?.[0]);
  };
  const several = (schema, options, name, required, initial = []) => {
    const boxes = options.map(([value]) => make("input", { type: "checkbox", checked: initial.includes(value) }));
    const labels = options.map(([, text], index) => make("label", {}, boxes[index], ` ${text}`));
    const value = () => {
      const ticked = options.filter((_, index) => boxes[index].checked).map(([one]) => one);
      return ticked.length || required ? ticked : undefined;
    };
    return leaf(schema, name, required, boxes, value, make("fieldset", {}, ...labels));
  };
  const lines = (schema, items, name, required, initial = []) => {
    const control = make("textarea", { rows: 3, value: initial.join("\n") });
    const value = () => {
      const read = control.value.split("\n").filter((line) => line.trim()).map((line, index) => {
        const one = items.type === "string" ? line : number(line);
        const found = wrong(items, one);
        if (found) throw new Error(`Line ${index + 1}: ${found}`);
        return one;
      });
      return read.length ? read : undefined;
    };
    const hinted = { ...schema, description: `${schema.description ?? ""} One a line.`.trim() };
    return leaf(hinted, name, required, [control], value);
  };

  const part = (root, given, name, required, initial, depth = 0) => {
    let schema = given;
    while (schema.$ref?.startsWith("#/") && depth++ < 9) {
      const { $ref, ...rest } = schema;
      schema = { ...$ref.slice(2).split("/").reduce((at, step) => at?.[step], root), ...rest };
    }
    initial ??= schema.default;
    const title = schema.title ?? name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[_-]+/g, " ").replace(/^./, (letter) => letter.toUpperCase());
    const implied = schema.properties ? "object" : schema.const === true ? "boolean" : "any";
    const type = [schema.type ?? implied].flat().find((one) => one !== "null");
    schema = { ...schema, type };
    const inner = (inside, label, must, value) => part(root, inside, label, must, value, depth + 1);
    if ("const" in schema && schema.const !== true) return { node: "", read: () => schema.const, leaves: () => [] };
    const options = choices(schema);
    if (options) return select(schema, options, title, required, initial);
    if (type === "boolean") {
      const box = make("input", { type: "checkbox", checked: initial === true });
      return leaf(schema, title, required, [box], () => box.checked || ("const" in schema ? undefined : false));
    }
    if (type === "object" && schema.properties && depth < 9) {
      const fields = Object.entries(schema.properties).map(([field, inside]) =>
        [field, inner(inside, field, schema.required?.includes(field) ?? false, initial?.[field])]);
      const node = make("fieldset", {}, ...(name ? [make("legend", {}, title)] : []), ...fields.map(([, field]) => field.node));
      const leaves = () => fields.flatMap(([, field]) => field.leaves());
      const read = (at) => {
        const values = fields.map(([field, one]) => [field, one.read(`${at}/${field.replace(/~/g, "~0").replace(/\//g, "~1")}`)]);
        if (required || leaves().some((one) => one.entered)) return Object.fromEntries(values.filter(([, value]) => value !== undefined));
        leaves().forEach((one) => one.say(""));
      };
      return { node, leaves, read };
    }
    const items = type === "array" && schema.items;
    const among = items && choices(items);
    if (among) return several(schema, among, title, required, initial);
    if (items && ["string", "number", "integer"].includes(items.type)) return lines(schema, items, title, required, initial);
    return entry(schema, type, title, required, initial);
  };

  const shown = (value) => {
    if (Array.isArray(value)) return make("ul", {}, ...value.map((one) => make("li", {}, shown(one))));
    if (value === null || typeof value !== "object") return `${value ?? ""}`;
    return make("dl", {}, ...Object.entries(value).flatMap(([name, one]) => [make("dt", {}, name), make("dd", {}, shown(one))]));
  };

  const build = ({ name, inputs }) => {
    const root = part(inputs, { ...inputs, type: "object", properties: inputs.properties ?? {} }, "", true);
    const summary = make("div", { tabIndex: -1, role: "alert" });
    const status = make("p", { role: "status" });
    const bar = make("progress", { max: 100, value: 0, hidden: true, "aria-label": "Progress" });
    const outcome = make("div", { tabIndex: -1 });
    const button = make("button", { type: "submit" }, submit);
    const form = make("form", { className: "aef-form", noValidate: true, "aria-label": name }, summary, root.node, make("div", {}, button), status, bar, outcome);
    const busy = (is) => {
      root.node.disabled = is;
      button.setAttribute("aria-disabled", is);
      bar.hidden = !is;
    };
    const say = (words) => { if (status.textContent !== words) status.textContent = words; };
    const complain = (others) => {
      const found = root.leaves().filter((field) => field.message);
      const link = (field) => make("a", { href: `#${field.first.id}`, onclick: (event) => { event.preventDefault(); field.first.focus(); } }, `${field.name}: ${field.message}`);
      const all = [...others, ...found.map(link)];
      summary.replaceChildren(...(all.length ? [mistake({}, "There is a problem"), make("ul", {}, ...all.map((one) => make("li", {}, one)))] : []));
      if (all.length) summary.focus();
      return all.length > 0;
    };
    const refused = (error) => {
      const nowhere = [];
      for (const { pointer, message } of error.faults ?? []) {
        const field = root.leaves().find((one) => `${pointer}/`.startsWith(`${one.at}/`));
        if (field) field.say(message);
        else nowhere.push(message);
      }
      complain(error.faults?.length ? nowhere : [error.status ? error.message : "The server cannot be reached: submit again"]);
    };
    const waits = { person: "Waiting for a person.", start: "Waiting to begin.", timer: "Waiting for the time to go on." };
    const follow = async ({ executionId, statusToken }) => {
      for (let wait = 1000; ; wait = Math.min(wait * 1.25, 5000)) {
        try {
          const state = await call(`executions/${executionId}`, { headers: { authorization: `Bearer ${statusToken}` } });
          if (state.status === "completed" || state.status === "failed") return state;
          say(waits[state.waitingFor?.waitsFor] ?? (state.status === "queued" ? "Submitted; waiting to begin." : "Running."));
          bar.value = state.progress;
        } catch (error) {
          if (error.status < 500 && error.status !== 429) throw error;
          say("The server cannot be reached; trying again.");
          wait = Math.max(wait, (error.wait || 0) * 1000);
        }
        await sleep(wait);
      }
    };
    const finish = (state) => {
      const done = state.status === "completed";
      say(done ? "Completed." : "It failed.");
      outcome.replaceChildren(done ? shown(state.result) : mistake({}, state.failure?.message ?? ""));
      if (form.contains(document.activeElement) || document.activeElement === document.body) outcome.focus();
      form.dispatchEvent(new CustomEvent(`aef:${state.status}`, { bubbles: true, detail: state }));
    };

    let running = false;
    let attempt = {};
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (running) return;
      const body = JSON.stringify({ userInput: root.read("") });
      if (complain([])) return;
      // The same entries that are sent again, after an answer was lost, are the same submission.
      if (attempt.body !== body) attempt = { body, id: random() };
      running = true;
      busy(true);
      outcome.replaceChildren();
      say("Submitting.");
      try {
        const headers = { "x-api-key": key, "content-type": "application/json", "idempotency-key": attempt.id };
        const submitted = await call(`${encodeURIComponent(engine)}/execute`, { method: "POST", headers, body });
        attempt = {};
        form.dispatchEvent(new CustomEvent("aef:submitted", { bubbles: true, detail: { executionId: submitted.executionId } }));
        finish(await follow(submitted));
      } catch (error) {
        say("");
        refused(error);
      }
      running = false;
      busy(false);
    });
    return form;
  };

  const begin = async () => {
    const place = make("div");
    const box = target && document.querySelector(target);
    if (box) box.append(place);
    else script.before(place);
    try {
      // A sheet that is made is no inline style, which the page's policy might refuse; of no weight, so the page's own win.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(style);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
      place.replaceChildren(build(await call(encodeURIComponent(engine), { headers: { "x-api-key": key } })));
    } catch (error) {
      place.replaceChildren(mistake({ role: "alert" }, `The form cannot be shown: ${error.message}`));
    }
  };
  if (target && document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
