// @ts-check
/** What is asked in a window of its own: values to try, a new space, whether one is sure. */

import { send } from "./api.js";
import { h } from "./dom.js";
import { described } from "./main.js";
import { t } from "./text.js";

/**
 * A window; Escape closes it.
 * @param {string} title
 * @param {() => void} close
 * @param {...any} children
 */
export function dialog(title, close, ...children) {
  return h("dialog", {
    "aria-label": title,
    mounted: (/** @type {HTMLDialogElement} */ el) => el.showModal(),
    onclose: close,
    onclick: (/** @type {MouseEvent} */ event) => {
      if (event.target === event.currentTarget) close(); // beside the window; a handler that returns false undoes a click
    },
  }, h("div.dialog", null, h("h2", null, title), ...children));
}

/** @param {() => void} close */
export function keysDialog(close) {
  const keys = [
    ["g e", "All experiments"],
    ["g o", "Overview"],
    ["g s", "Source"],
    ["g t", "Trials"],
    ["g p", "Plots"],
    ["j  k", "Next and previous, in lists"],
    ["Enter", "Open"],
    ["x", "Choose for a comparison"],
    ["/", "Filter"],
    ["d", "Light or dark"],
    ["?", "These keys"],
  ];
  return dialog(t("Keys"), close,
    h("dl.keys", null, keys.map(([key, what]) => [h("dt", null, key.split("  ").map((k) => h("kbd", null, k))), h("dd", null, t(what))])),
    h("div.buttons", null, h("button", { onclick: close, autofocus: true }, t("Close"))));
}

/**
 * Ask before something is done that cannot be undone.
 * @param {string} title @param {string} text @param {string} verb
 * @param {() => void} doIt @param {() => void} close
 */
export function sureDialog(title, text, verb, doIt, close) {
  return dialog(title, close, h("p", null, text),
    h("div.buttons", null,
      h("button", { onclick: close, autofocus: true }, t("Cancel")),
      h("button.danger", { onclick: () => { close(); doIt(); } }, verb)));
}

/**
 * Ask for values to run next.
 * @param {import("./main.js").Context} ctx
 * @param {Record<string, any>} values to begin with
 * @param {any[]} parameters what the space has, as `/space` says
 * @returns {() => any}
 */
export function enqueueDialog(ctx, values, parameters) {
  /** @type {Record<string, string>} */
  const texts = Object.fromEntries(parameters.map((p) => [p.name, written(values[p.name] ?? p.default)]));
  /** @type {string | null} */
  let problem = null;
  const close = () => ctx.ask(null);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const given = parameters.filter((p) => isActive(p, parameters, texts)).map((p) => [p.name, read(p, texts[p.name])]);
    try {
      const { effect } = await send("POST", `/experiments/${ctx.id}/trials`, { parameters: Object.fromEntries(given.filter(([, v]) => v !== undefined)) });
      close();
      ctx.say(effect === "now" ? t("These values run next.") : t("These values run when the experiment is resumed."));
    } catch (error) {
      problem = described(error);
      ctx.redraw();
    }
  };
  return () => dialog(t("Try values"), close,
    h("form", { onsubmit: submit },
      h("div.fields", null, parameters.filter((p) => isActive(p, parameters, texts)).map((p) =>
        h("label.field", { key: p.name }, h("span.field-name", null, p.name), field(p, texts, ctx.redraw), h("span.note", null, p.domain)))),
      problem && h("p.problem", { role: "alert" }, problem),
      h("div.buttons", null, h("button", { type: "button", onclick: close }, t("Cancel")), h("button.main", { type: "submit" }, t("Run next")))));
}

/** @param {any} p @param {any[]} all @param {Record<string, string>} texts */
function isActive(p, all, texts) {
  return (p.when ?? []).every((/** @type {any} */ c) => {
    const parent = all.find((each) => each.name === c.parent);
    const value = parent ? read(parent, texts[c.parent]) : undefined;
    return c.values.some((/** @type {any} */ v) => JSON.stringify(v) === JSON.stringify(value));
  });
}

/** @param {any} p @param {Record<string, string>} texts @param {() => void} redraw */
function field(p, texts, redraw) {
  const change = (/** @type {any} */ event) => {
    texts[p.name] = event.target.value;
    redraw();
  };
  if (!p.options) return h("input", { value: texts[p.name], placeholder: written(p.default), oninput: change, spellcheck: "false", autocomplete: "off", inputmode: Array.isArray(p.default) ? "text" : "decimal" });
  return h("select", { onchange: change }, p.options.map((/** @type {any} */ option) =>
    h("option", { value: written(option), selected: written(option) === texts[p.name] }, written(option))));
}

/** @param {any} value */
function written(value) {
  return value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {any} p @param {string} text */
function read(p, text) {
  if (p.options) return p.options.find((/** @type {any} */ option) => written(option) === text);
  if (text.trim() === "") return undefined;
  if (text.trim().startsWith("[")) {
    try {
      return JSON.parse(text); // a list
    } catch {
      return text; // what is wrong with it, the experiment says
    }
  }
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

/**
 * Ask for another search space, as JSON.
 * @param {import("./main.js").Context} ctx
 * @param {any} space
 * @returns {() => any}
 */
export function spaceDialog(ctx, space) {
  let text = lines(space);
  /** @type {string | null} */
  let problem = null;
  const close = () => ctx.ask(null);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const { effect } = await send("PATCH", `/experiments/${ctx.id}`, { space: JSON.parse(text), seen: { space } });
      close();
      ctx.say(effect === "now" ? t("The tuner learns again, in the new space.") : t("The new space holds when the experiment is resumed."));
    } catch (error) {
      problem = error instanceof SyntaxError ? t("This is no JSON: {}", error.message) : described(error);
      ctx.redraw();
    }
  };
  return () => dialog(t("Edit the search space"), close,
    h("form", { onsubmit: submit },
      h("p.note", null, t("NNI's search-space JSON. The tuner learns again from the trials that fit.")),
      h("textarea", { value: text, oninput: (/** @type {any} */ e) => { text = e.target.value; }, rows: "14", spellcheck: "false", "aria-label": t("Search space") }),
      problem && h("p.problem", { role: "alert" }, problem),
      h("div.buttons", null, h("button", { type: "button", onclick: close }, t("Cancel")), h("button.main", { type: "submit" }, t("Change")))));
}

/** @param {Record<string, any>} space */
function lines(space) {
  const rows = Object.entries(space).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value).replaceAll(",", ", ").replaceAll(":", ": ")}`);
  return `{\n${rows.join(",\n")}\n}`;
}
