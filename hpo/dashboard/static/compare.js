// @ts-check
/** Several experiments side by side: how they went, and what they searched. */

import { get, Refused, repeated } from "./api.js";
import { chart } from "./chart.js";
import { h } from "./dom.js";
import { count } from "./list.js";
import { described, follow } from "./main.js";
import { heading } from "./overview.js";
import { duration, short, signed, t } from "./text.js";

const TONES = ["trial", "best", "c3", "c4", "c5", "c6", "c7", "c8", "c3", "c4", "c5", "c6"];

/** @param {import("./main.js").Context} ctx @returns {import("./main.js").Page} */
export function comparePage(ctx) {
  const ids = new URLSearchParams(location.search).getAll("id");
  /** @type {any[] | null} */
  let found = null;
  /** @type {any} */
  let series = null;
  /** @type {string | null} */
  let problem = null;
  let isHere = true;
  const load = repeated(async () => {
    if (!isHere || !ids.length) return;
    let all;
    try {
      all = await get(`/comparison?${ids.map((id) => `id=${encodeURIComponent(id)}`).join("&")}`);
      problem = null;
    } catch (error) {
      if (error instanceof Refused || !found) problem = described(error);
      return ctx.redraw();
    }
    found = all;
    series = all.map((/** @type {any} */ e, /** @type {number} */ i) => ({ kind: "steps", tone: TONES[i], name: `${e.name} (${e.id})`, points: drawnOut(e.course) }));
    ctx.redraw();
  });
  load();
  return {
    title: t("Compare"),
    hear: (change) => {
      if (change.connected || (change.store && ids.includes(change.experiment ?? ""))) load();
    },
    leave: () => { isHere = false; },
    view: () => {
      if (!ids.length) return [h("div.empty", null, h("h1", null, t("Nothing to compare")), h("p", null, h("a", { href: "/", onclick: follow }, t("Choose experiments in the list."))))];
      if (problem) return [h("div.empty", null, h("h1", null, t("This cannot be shown")), h("p", null, problem), h("p", null, h("a", { href: "/", onclick: follow }, t("Choose experiments in the list."))))];
      if (!found) return [h("p.loading", null, t("Loading…"))];
      return [
        h("div.head", null, h("h1", null, t("{} experiments side by side", found.length))),
        h("section", null, heading(t("Best so far")), histories(found, series)),
        h("section", null, heading(t("Results")), summary(found)),
        h("section", null, heading(t("Search spaces")), spaces(found)),
      ];
    },
  };
}

/** @param {any} course the line of the best, to where the experiment stands */
function drawnOut(course) {
  const last = course.best[course.best.length - 1];
  return last ? [...course.best, [Math.max(course.total - 1, last[0]), last[1], last[2]]] : [];
}

/** @param {any[]} found @param {any[]} series */
function histories(found, series) {
  if (!series.some((s) => s.points.length)) return h("p.none", null, t("No trial has succeeded yet."));
  return [
    chart({ series, height: 300, robust: true, label: t("Best so far"), tell: (point, s) => `${s.name}: ${short(point[1])}, ${t("trial {}", point[2])}` }),
    h("p.legend", null, found.map((e, i) => [h("i.dash", { class: TONES[i], "aria-hidden": "true" }), h("a", { href: `/e/${e.id}`, onclick: follow }, `${e.name} · ${e.id}`)])),
  ];
}

/** @param {any[]} found */
function summary(found) {
  const rows = /** @type {[string, (e: any) => any][]} */ ([
    [t("Best"), (e) => h("strong", null, short(e.best?.value ?? null))],
    [t("Direction"), (e) => (e.direction === "maximize" ? t("maximize") : t("minimize"))],
    [t("Over the defaults"), (e) => signed(e.gain)],
    [t("Trials"), (e) => String(count(e))],
    [t("Time"), (e) => duration(e.elapsed)],
    [t("Tuner"), (e) => e.tuner.name],
    [t("Seed"), (e) => String(e.seed)],
    [t("Status"), (e) => h("span.status", { class: e.status }, t(e.status))],
  ]);
  return sheet(found, rows.map(([name, show]) => [name, found.map(show), ""]));
}

/** @param {any[]} found */
function spaces(found) {
  const names = [...new Set(found.flatMap((e) => e.parameters.map((/** @type {any} */ p) => p.name)))];
  return sheet(found, names.map((name) => {
    const each = found.map((e) => e.parameters.find((/** @type {any} */ p) => p.name === name));
    const isSame = new Set(each.map((p) => p?.domain)).size === 1;
    return [name, each.map((p) => (p ? [h("code", null, p.domain), h("br"), h("strong", null, short(p.best))] : h("span.muted", null, "–"))), isSame ? "" : "differs"];
  }));
}

/** @param {any[]} found @param {any[]} rows */
function sheet(found, rows) {
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("Compare") }, h("table.rows.sheet", null,
    h("thead", null, h("tr", null, h("td"), found.map((e, i) => h("th", { key: e.id, scope: "col" }, h("i.dot", { class: TONES[i], "aria-hidden": "true" }), e.name)))),
    h("tbody", null, rows.map(([name, cells, tone]) => h("tr", { key: name, class: tone }, h("th", { scope: "row", title: name }, name), cells.map((/** @type {any} */ cell) => h("td", null, cell)))))));
}
