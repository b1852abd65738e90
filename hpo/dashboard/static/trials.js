// @ts-check
/**
 * All trials in a table that stays quick with 100,000 of them: the server sorts and filters, the browser asks for
 * the rows that are in sight, and draws only these.
 */

import { get, Refused, repeated } from "./api.js";
import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { follow } from "./main.js";
import { duration, moment, short, STATES, t } from "./text.js";
import { isSeveral, parts } from "./overview.js";

const ROW = 30; // pixels; the style sheet agrees
const BLOCK = 100; // rows that are asked for at once
const LINEAGE = ["budget", "rung", "parent"]; // what tuners with budgets say of a trial
const OPTIONAL = ["started", "origin", "attempt", "node", "device"];

/** @param {import("./main.js").Context} ctx @returns {import("./main.js").Page} */
export function trialsPage(ctx) {
  const query = new URLSearchParams(location.search);
  const state = {
    filter: query.get("filter") ?? "",
    sort: query.get("sort") ?? "number",
    descending: query.get("descending") !== "false",
    total: /** @type {number | null} */ (null),
    all: 0,
    problem: /** @type {string | null} */ (null),
    blocks: /** @type {Map<number, any[]>} */ (new Map()),
    first: 0,
    visible: 30,
    at: -1,
    chosen: /** @type {Set<number>} */ (new Set()),
    shown: columnsShown(ctx.id),
    told: /** @type {Set<string>} */ (new Set()), // of LINEAGE, what any trial has
  };
  let isHere = true;
  let edition = 0;
  /** @type {HTMLElement | null} */
  let scroller = null;

  const address = (/** @type {number} */ offset) => {
    const values = { filter: state.filter, sort: state.sort, descending: String(state.descending), offset: String(offset), limit: String(BLOCK) };
    return `/experiments/${ctx.id}/trials?${new URLSearchParams(values)}`;
  };
  const wanted = () => {
    const [from, to] = [Math.floor(state.first / BLOCK), Math.floor((state.first + state.visible) / BLOCK)];
    return from === to ? [from] : [from, to];
  };
  const fetchBlocks = async (/** @type {number[]} */ numbers) => {
    const mine = edition;
    try {
      const answers = await Promise.all(numbers.map((n) => get(address(n * BLOCK))));
      if (mine !== edition || !isHere) return;
      numbers.forEach((n, i) => state.blocks.set(n, answers[i].trials));
      LINEAGE.forEach((name) => answers.some(({ trials }) => trials.some((/** @type {any} */ x) => x[name] !== null)) && state.told.add(name));
      [state.total, state.all, state.problem] = [answers[0].total, answers[0].all, null];
    } catch (error) {
      if (error instanceof Refused || state.total === null) state.problem = /** @type {Error} */ (error).message; // else the line above says it
    }
    ctx.redraw();
  };
  const refresh = repeated(async () => {
    if (!isHere) return;
    const numbers = wanted();
    await fetchBlocks(numbers);
    for (const n of [...state.blocks.keys()]) if (!wanted().includes(n)) state.blocks.delete(n);
  });
  const change = (/** @type {Partial<typeof state>} */ changed) => {
    Object.assign(state, changed, { at: -1, first: 0 });
    edition++;
    state.blocks.clear();
    if (scroller) scroller.scrollTop = 0;
    const url = new URLSearchParams();
    if (state.filter) url.set("filter", state.filter);
    if (state.sort !== "number") url.set("sort", state.sort);
    if (!state.descending) url.set("descending", "false");
    history.replaceState(null, "", `${location.pathname}${url.size ? `?${url}` : ""}`);
    refresh();
  };
  const scrolled = () => {
    if (!scroller) return;
    state.first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - 5);
    state.visible = Math.ceil(scroller.clientHeight / ROW) + 10;
    const missing = wanted().filter((n) => !state.blocks.has(n));
    if (missing.length) void fetchBlocks(missing);
    ctx.redraw();
  };
  /** @type {number | undefined} */
  let pause;
  const typed = (/** @type {any} */ event) => {
    const { value } = event.target;
    clearTimeout(pause);
    pause = setTimeout(() => value !== state.filter && change({ filter: value }), 180);
  };
  const toggle = (/** @type {number} */ number) => {
    if (!state.chosen.delete(number)) state.chosen.add(number);
    ctx.redraw();
  };
  const row = (/** @type {number} */ i) => state.blocks.get(Math.floor(i / BLOCK))?.[i % BLOCK];
  const reveal = () => {
    if (!scroller || state.at < 0) return;
    const y = state.at * ROW;
    if (y < scroller.scrollTop) scroller.scrollTop = y;
    else if (y + 2 * ROW > scroller.scrollTop + scroller.clientHeight - ROW) scroller.scrollTop = y + 3 * ROW - scroller.clientHeight;
  };
  refresh();
  return {
    title: t("Trials"),
    hear: (change) => {
      if (change.connected || (change.experiment === ctx.id && change.store)) refresh();
    },
    leave: () => { isHere = false; },
    key: (event) => {
      const last = (state.total ?? 0) - 1;
      if (event.key === "j" || event.key === "k") {
        state.at = Math.min(Math.max(state.at + (event.key === "j" ? 1 : -1), 0), last);
        reveal();
      } else if (event.key === "Enter" && row(state.at) && !(/** @type {HTMLElement} */ (event.target).closest("a, button"))) {
        ctx.go(`/e/${ctx.id}/trials/${row(state.at).number}`);
      } else if (event.key === "x" && row(state.at)) toggle(row(state.at).number);
      else if (event.key === "/") document.getElementById("filter")?.focus();
      else return false;
      ctx.redraw();
      return true;
    },
    view: () => {
      const columns = columnsOf(ctx, state);
      return [
        h("div.head", null,
          h("div.head-text", null, h("h1", null, t("Trials")), h("p.sub", { role: "status" }, counted(state))),
          h("div.acts", null,
            h("button", { onclick: () => ctx.ask(() => columnsDialog(ctx, state)) }, t("Columns…")),
            h("button", { disabled: state.chosen.size < 2, onclick: () => ctx.ask(compareDialog(ctx, [...state.chosen])), title: t("Choose two or more") }, t("Compare {}", state.chosen.size || "")))),
        h("div.filter", null,
          h("input", { id: "filter", type: "search", value: state.filter, oninput: typed, placeholder: t("Filter: value>0.9 state=failed kernel=rbf"), "aria-label": t("Filter"), spellcheck: "false", autocomplete: "off",
            onkeydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === "Escape" || e.key === "Enter") /** @type {HTMLElement} */ (e.target).blur(); } }),
          ["failed", "running", "early_stopped"].filter((s) => ctx.experiment?.trials?.[s]).map((s) =>
            h("button.chip", { key: s, "aria-pressed": String(state.filter === `state=${s}`), onclick: () => change({ filter: state.filter === `state=${s}` ? "" : `state=${s}` }) }, t(STATES[s].words)))),
        state.problem && h("p.problem", { role: "alert" }, state.problem),
        grid(ctx, state, columns, change, toggle, row, (el) => { scroller = el; }, scrolled),
      ];
    },
  };
}

/** @param {any} state */
function counted(state) {
  if (state.total === null) return t("Loading…");
  const n = (/** @type {number} */ x) => x.toLocaleString("en");
  return state.filter ? t("{} of {}", n(state.total), n(state.all)) : n(state.total);
}

/** @param {import("./main.js").Context} ctx @param {any} state @param {any[]} columns @param {(changed: any) => void} change @param {(n: number) => void} toggle @param {(i: number) => any} row @param {(el: HTMLElement) => void} keep @param {() => void} scrolled */
function grid(ctx, state, columns, change, toggle, row, keep, scrolled) {
  const total = state.total ?? 0;
  if (state.total === 0) return h("div.empty", null, h("p", null, state.filter ? t("No trial fits the filter.") : t("No trial yet.")));
  const end = Math.min(total, state.first + state.visible);
  const rows = [];
  for (let i = state.first; i < end; i++) rows.push(line(ctx, state, columns, row(i), i, toggle));
  const sorted = (/** @type {string} */ name) => (state.sort === name ? (state.descending ? "descending" : "ascending") : null);
  return h("div.table", { tabindex: "0", role: "region", "aria-label": t("Trials"), onscroll: scrolled, mounted: (/** @type {HTMLElement} */ el) => { keep(el); scrolled(); } },
    h("table.rows.grid", { "aria-rowcount": String(total + 1) },
      h("thead", null, h("tr", { "aria-rowindex": "1" }, h("th.pick", { scope: "col" }, h("span.hidden", null, t("Compare"))), columns.map((c) =>
        h("th", { key: c.name, scope: "col", class: c.isNumber ? "number" : "", "aria-sort": sorted(c.name) },
          h("button.sort", { onclick: () => change({ sort: c.name, descending: state.sort === c.name ? !state.descending : c.descends }), title: c.name }, c.title,
            h("span.arrow", { "aria-hidden": "true" }, sorted(c.name) ? (state.descending ? "↓" : "↑") : "")))))),
      h("tbody", null,
        state.first > 0 && h("tr.space", { key: "above", "aria-hidden": "true", style: { height: `${state.first * ROW}px` } }),
        rows,
        end < total && h("tr.space", { key: "below", "aria-hidden": "true", style: { height: `${(total - end) * ROW}px` } }))));
}

/** @param {import("./main.js").Context} ctx @param {any} state @param {any[]} columns @param {any} trial @param {number} i @param {(n: number) => void} toggle */
function line(ctx, state, columns, trial, i, toggle) {
  if (!trial) return h("tr", { key: i, "aria-rowindex": String(i + 2) }, h("td.pick"), columns.map((c) => h("td", { key: c.name, class: c.isNumber ? "number" : "" }, "·")));
  const best = ctx.experiment?.best;
  const isBest = best?.front ? best.front.some((/** @type {any} */ each) => each.trial === trial.number) : best?.trial === trial.number;
  return h("tr", { key: i, class: [i === state.at ? "at" : "", isBest ? "best-row" : ""].join(" "), "aria-rowindex": String(i + 2) },
    h("td.pick", null, h("input", { type: "checkbox", checked: state.chosen.has(trial.number), onchange: () => toggle(trial.number), "aria-label": t("Compare {}", t("trial {}", trial.number)) })),
    columns.map((c) => h("td", { key: c.name, class: [c.isNumber ? "number" : "", c.tone ?? ""].join(" "), title: c.long ? String(c.show(trial) ?? "") : null },
      c.name === "number" ? h("a", { href: `/e/${ctx.id}/trials/${trial.number}`, onclick: follow }, String(trial.number))
        : c.name === "state" ? stateCell(trial.state) : c.show(trial))));
}

/** @param {string} state */
export function stateCell(state) {
  const { glyph, words } = STATES[state] ?? { glyph: "", words: state };
  return h("span.state", null, h(`i.${state}`, { "aria-hidden": "true" }, glyph), ` ${t(words)}`);
}

/** @param {import("./main.js").Context} ctx @param {any} state */
function columnsOf(ctx, state) {
  const names = Object.keys(ctx.experiment?.space ?? {}).filter((name) => !name.startsWith("_"));
  const isBetterHigh = ctx.experiment?.direction !== "minimize";
  return [
    { name: "number", title: t("Trial"), isNumber: true, descends: true, show: (/** @type {any} */ x) => x.number },
    { name: "state", title: t("State"), descends: false, show: () => "" },
    { name: "value", title: t("Value"), isNumber: true, descends: isBetterHigh, tone: "strong", show: (/** @type {any} */ x) => (isSeveral(ctx.experiment ?? {}) && x.value !== null ? parts(ctx.experiment, x.results) : short(x.value)) },
    { name: "budget", title: t("Budget"), isNumber: true, descends: true, show: (/** @type {any} */ x) => short(x.budget) },
    { name: "rung", title: t("Rung"), isNumber: true, descends: true, show: (/** @type {any} */ x) => short(x.rung) },
    { name: "parent", title: t("Parent"), isNumber: true, descends: true, show: (/** @type {any} */ x) => short(x.parent) },
    ...names.map((name) => ({ name, title: name, isNumber: isNumeric(ctx.experiment.space[name]), descends: true, long: true, show: (/** @type {any} */ x) => (Object.hasOwn(x.parameters, name) ? short(x.parameters[name], 5) : "") })),
    { name: "duration", title: t("Duration"), isNumber: true, descends: true, show: (/** @type {any} */ x) => duration(x.duration) },
    { name: "started", title: t("Started"), descends: true, tone: "muted", show: (/** @type {any} */ x) => moment(x.started) },
    { name: "origin", title: t("Origin"), descends: false, show: (/** @type {any} */ x) => t(x.origin) },
    { name: "attempt", title: t("Attempt"), isNumber: true, descends: true, show: (/** @type {any} */ x) => x.attempt },
    { name: "node", title: t("Node"), descends: false, show: (/** @type {any} */ x) => x.node ?? "" },
    { name: "device", title: t("Device"), descends: false, show: (/** @type {any} */ x) => x.device.join(", ") },
    { name: "detail", title: t("What happened"), descends: false, tone: "detail-cell", long: true, show: (/** @type {any} */ x) => x.detail ?? "" },
  ].filter((c) => c.name === "number" || isShown(state, c.name));
}

/** @param {any} state @param {string} name whether a column is shown: as chosen, or where it says something */
function isShown(state, name) {
  return state.shown[name] ?? (LINEAGE.includes(name) ? state.told.has(name) : !OPTIONAL.includes(name));
}

/** @param {any} domain as NNI writes it */
export function isNumeric(domain) {
  if (domain?._type === "subset" || domain?._type === "permutation") return false;
  return domain?._type !== "choice" || domain._value.every((/** @type {any} */ option) => typeof option === "number");
}

/** @param {string} id @returns {Record<string, boolean>} */
function columnsShown(id) {
  try {
    return JSON.parse(localStorage.getItem(`hpo.columns.${id}`) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {import("./main.js").Context} ctx @param {any} state */
function columnsDialog(ctx, state) {
  const everything = columnsOf(ctx, { shown: new Proxy({}, { get: () => true }) }).filter((c) => c.name !== "number");
  const set = (/** @type {string} */ name, /** @type {boolean} */ isShown) => {
    state.shown[name] = isShown;
    localStorage.setItem(`hpo.columns.${ctx.id}`, JSON.stringify(state.shown));
    ctx.redraw();
  };
  return dialog(t("Columns"), () => ctx.ask(null),
    h("div.checks", null, everything.map((c) => h("label", { key: c.name },
      h("input", { type: "checkbox", checked: isShown(state, c.name), onchange: (/** @type {any} */ e) => set(c.name, e.target.checked) }), ` ${c.title}`))),
    h("div.buttons", null, h("button.main", { onclick: () => ctx.ask(null) }, t("Close"))));
}

/** @param {import("./main.js").Context} ctx @param {number[]} numbers @returns {() => any} */
export function compareDialog(ctx, numbers) {
  /** @type {any[] | null} */
  let trials = null;
  /** @type {any} */
  let parts = null;
  void ctx.attempt(() => Promise.all(numbers.slice(0, 8).map((n) => get(`/experiments/${ctx.id}/trials/${n}`)))).then(async (found) => {
    trials = found ?? [];
    parts = await import("./trial.js");
    ctx.redraw();
  });
  return () => dialog(t("Trials side by side"), () => ctx.ask(null),
    trials && parts ? parts.sideBySide(ctx, trials) : h("p.loading", null, t("Loading…")),
    h("div.buttons", null, h("button.main", { onclick: () => ctx.ask(null) }, t("Close"))));
}
