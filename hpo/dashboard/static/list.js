// @ts-check
/** All experiments, the newest first. */

import { get, repeated } from "./api.js";
import { h } from "./dom.js";
import { follow } from "./main.js";
import { duration, moment, short, signed, t } from "./text.js";
import { isSeveral } from "./overview.js";

/** @param {import("./main.js").Context} ctx @returns {import("./main.js").Page} */
export function listPage(ctx) {
  /** @type {any[] | null} */
  let rows = null;
  /** @type {Set<string>} */
  const chosen = new Set();
  let at = -1;
  let isHere = true;
  const load = repeated(async () => {
    if (!isHere) return;
    const found = await ctx.attempt(() => get("/experiments"));
    if (found) rows = found;
    ctx.redraw();
  });
  /** @type {any[]} */
  let damaged = [];
  const loadDamaged = repeated(async () => {
    damaged = (await ctx.attempt(() => get("/damaged"))) ?? damaged;
    ctx.redraw();
  });
  load();
  loadDamaged();
  const toggle = (/** @type {string} */ id) => {
    if (!chosen.delete(id)) chosen.add(id);
    ctx.redraw();
  };
  const compare = () => ctx.go(`/compare?${[...chosen].map((id) => `id=${id}`).join("&")}`);
  return {
    title: "",
    hear: (change) => {
      load();
      if (change.connected) loadDamaged(); // it reads of every experiment, and is news seldom
    },
    leave: () => { isHere = false; },
    key: (event) => {
      if (!rows) return false;
      if (event.key === "j" || event.key === "k") at = Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), rows.length - 1);
      else if (event.key === "Enter" && rows[at] && event.target === document.getElementById("main")) ctx.go(`/e/${rows[at].id}`);
      else if (event.key === "x" && rows[at]) toggle(rows[at].id);
      else return false;
      ctx.redraw();
      return true;
    },
    view: () => [
      h("div.head", null, h("h1", null, t("Experiments")), h("div.acts", null,
        h("button", { disabled: chosen.size < 2, onclick: compare, title: t("Choose two or more") }, t("Compare {}", chosen.size || "")))),
      rows === null ? h("p.loading", null, t("Loading…")) : rows.length ? table(rows, chosen, toggle, at) : !damaged.length && nothing(),
      damaged.map(({ error, help }) => h("p.failure", { key: error, role: "alert" }, error, help && h("span.muted", null, ` ${help}`))),
    ],
  };
}

function nothing() {
  return h("div.empty", null, h("h2", null, t("No experiment yet")), h("p", null, t("Mark a value in a script, and run it:")),
    h("pre", null, "lr = 0.01  # hpo: loguniform(1e-5, 1e-1)\n\n$ hpo run train.py"));
}

/** @param {any[]} rows @param {Set<string>} chosen @param {(id: string) => void} toggle @param {number} at */
function table(rows, chosen, toggle, at) {
  const head = ["", "Name", "Status", "Trials", "Best", "Over the defaults", "Tuner", "Time", "Started"];
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("Experiments") }, h("table.rows", null,
    h("thead", null, h("tr", null, head.map((name, i) => h("th", { class: i >= 3 && i <= 5 ? "number" : "", scope: "col" }, name ? t(name) : h("span.hidden", null, t("Compare")))))),
    h("tbody", null, rows.map((e, i) => h("tr", { key: e.id, class: i === at ? "at" : "" },
      h("td.pick", null, h("input", { type: "checkbox", checked: chosen.has(e.id), onchange: () => toggle(e.id), "aria-label": t("Compare {}", e.name) })),
      h("td.wide", null, h("a.title", { href: `/e/${e.id}`, onclick: follow, title: e.name }, e.name), h("span.id", null, e.id), e.tags.map((/** @type {string} */ tag) => h("span.tag.plain", { key: tag }, tag))),
      h("td", null, h("span.status", { class: e.status }, t(e.status))),
      h("td.number", null, String(count(e)), e.limits.max_trials && h("span.of", null, ` / ${e.limits.max_trials}`)),
      h("td.number.strong", null, isSeveral(e) ? t("{} on the front", e.best?.front.length ?? 0) : short(e.best?.value ?? null)),
      h("td.number", { class: e.gain > 0 ? "better" : "" }, signed(e.gain)),
      h("td", null, e.tuner.name),
      h("td.number.left", null, duration(e.elapsed)),
      h("td.muted", null, moment(e.created)),
    )))));
}

/** @param {any} experiment @returns {number} */
export function count(experiment) {
  return /** @type {number[]} */ (Object.values(experiment.trials)).reduce((a, b) => a + b, 0);
}
