// @ts-check
/**
 * The user's own script, as the trials run it, with its marks in place. Beside each marked line: what is searched
 * there, the best value, how much it matters, and how results depend on it.
 */

import { get, repeated } from "./api.js";
import { scatter } from "./chart.js";
import { h } from "./dom.js";
import { follow } from "./main.js";
import { short, t } from "./text.js";

/** @param {import("./main.js").Context} ctx @returns {import("./main.js").Page} */
export function sourcePage(ctx) {
  /** @type {any} */
  let source = null;
  /** @type {any} */
  let values = null;
  /** @type {Record<string, number> | null} */
  let importance = null;
  /** @type {any} */
  let diff = null;
  /** @type {string | null} */
  let problem = null;
  let shown = "";
  let isHere = true;
  let importanceOf = -1;
  const loadValues = repeated(async () => {
    if (!isHere || !source) return;
    values = (await ctx.attempt(() => get(`/experiments/${ctx.id}/values`))) ?? values;
    ctx.redraw();
    // Importance takes more work, and changes slowly.
    const succeeded = ctx.experiment?.trials?.succeeded ?? 0;
    if (importance && succeeded < importanceOf * 1.2 + 3) return;
    try {
      importance = (await get(`/experiments/${ctx.id}/importance`)).importance;
      importanceOf = succeeded;
    } catch {
      importance = null;
    }
    ctx.redraw();
  });
  const loadDiff = repeated(async () => {
    if (!isHere || problem) return;
    try {
      diff = await get(`/experiments/${ctx.id}/diff`);
    } catch (error) {
      diff = { error: /** @type {Error} */ (error).message };
    }
    ctx.redraw();
  });
  void (async () => {
    try {
      source = await get(`/experiments/${ctx.id}/source`);
      shown = source.script;
      loadValues();
      loadDiff();
    } catch (error) {
      problem = /** @type {Error} */ (error).message;
    }
    ctx.redraw();
  })();
  let best = /** @type {number | null | undefined} */ (undefined);
  return {
    title: t("Source"),
    hear: (change) => {
      if (change.connected || (change.experiment === ctx.id && change.store)) {
        loadValues();
        if (best !== ctx.experiment?.best?.trial) loadDiff();
        best = ctx.experiment?.best?.trial;
      }
    },
    leave: () => { isHere = false; },
    view: () => {
      if (problem) return [h("div.empty", null, h("h1", null, t("No source to show")), h("p", null, problem))];
      if (!source) return [h("p.loading", null, t("Loading…"))];
      const file = source.files.find((/** @type {any} */ f) => f.name === shown) ?? source.files[0];
      return [
        h("div.head", null, h("div.head-text", null, h("h1", null, t("Source")),
          h("p.sub.muted", null, t("As the experiment froze it: this is what its trials run.")))),
        h("div.source-page", { class: source.files.length > 1 ? "with-tree" : "" },
          source.files.length > 1 && tree(source.files, shown, (name) => { shown = name; ctx.redraw(); }),
          h("div.source", { role: "region", "aria-label": file.name, tabindex: "0" }, listing(ctx, file, values, importance))),
        h("section", null, applied(ctx, diff)),
      ];
    },
  };
}

// -- the files

/** @param {any[]} files @param {string} shown @param {(name: string) => void} choose */
function tree(files, shown, choose) {
  const sorted = [...files].sort((a, b) => a.name.localeCompare(b.name));
  /** @type {any[]} */
  const rows = [];
  /** @type {string[]} */
  let folder = [];
  for (const file of sorted) {
    const parts = file.name.split("/");
    const name = parts.pop();
    const same = parts.findIndex((/** @type {string} */ part, /** @type {number} */ i) => part !== folder[i]);
    for (let i = same === -1 ? parts.length : same; i < parts.length; i++) rows.push(h("li.folder", { key: parts.slice(0, i + 1).join("/"), style: { "padding-left": `${i * 14}px` } }, `${parts[i]}/`));
    folder = parts;
    const marks = file.marks.filter((/** @type {any} */ m) => m.name).length;
    rows.push(h("li", { key: file.name, style: { "padding-left": `${parts.length * 14}px` } },
      h("button.file", { onclick: () => choose(file.name), "aria-current": file.name === shown ? "true" : null, title: file.name }, name, marks > 0 && h("span.marks", { title: t("{} marks", marks) }, String(marks)))));
  }
  return h("nav.tree", { "aria-label": t("Files") }, h("ul", null, rows));
}

// -- the lines

/** @param {import("./main.js").Context} ctx @param {any} file @param {any} values @param {Record<string, number> | null} importance */
function listing(ctx, file, values, importance) {
  const marks = Map.groupBy ? Map.groupBy(file.marks, (/** @type {any} */ m) => m.line) : grouped(file.marks);
  const styles = stylesOf(file);
  /** @type {Set<string>} */
  const seen = new Set();
  return h("ol.lines", null, file.lines.map((/** @type {string} */ text, /** @type {number} */ i) => {
    const here = marks.get(i + 1) ?? [];
    return h("li.line", { key: `${file.name} ${i}`, class: here.length ? "marked" : "" },
      h("span.at", { "aria-hidden": "true" }, String(i + 1)),
      h("code.text", null, pieces(text, styles.get(i + 1) ?? [])),
      here.length > 0 && h("div.beside", null, here.map((/** @type {any} */ mark, /** @type {number} */ k) => card(ctx, mark, values, importance, seen, k))));
  }));
}

/** @param {any[]} marks */
function grouped(marks) {
  /** @type {Map<number, any[]>} */
  const found = new Map();
  for (const mark of marks) found.set(mark.line, [...(found.get(mark.line) ?? []), mark]);
  return found;
}

/**
 * Return how each line is coloured: stretches of it with a class, later ones over earlier ones.
 * @param {any} file
 * @returns {Map<number, [number, number, string][]>}
 */
function stylesOf(file) {
  /** @type {Map<number, [number, number, string][]>} */
  const styles = new Map();
  const add = (/** @type {string} */ kind, /** @type {number[]} */ [line, column, end, last]) => {
    for (let i = line; i <= end; i++) {
      const of = styles.get(i) ?? [];
      of.push([i === line ? column : 0, i === end ? last : Infinity, kind]);
      styles.set(i, of);
    }
  };
  for (const [kind, ...place] of file.tokens) add(kind, place);
  for (const mark of file.marks) {
    if (mark.mark) add("mark", mark.mark);
    if (mark.value) add("value", mark.value);
  }
  return styles;
}

/** @param {string} text @param {[number, number, string][]} styles */
function pieces(text, styles) {
  if (!styles.length) return text || " ";
  const cuts = [...new Set([0, text.length, ...styles.flatMap(([a, b]) => [Math.min(a, text.length), Math.min(b, text.length)])])].sort((a, b) => a - b);
  /** @type {any[]} */
  const found = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const kinds = styles.filter(([a, b]) => a <= cuts[i] && b >= cuts[i + 1]).map(([, , kind]) => kind);
    const part = text.slice(cuts[i], cuts[i + 1]);
    found.push(kinds.length ? h("span", { class: kinds.join(" ") }, part) : part);
  }
  return found;
}

/**
 * What stands beside a marked line.
 * @param {import("./main.js").Context} ctx @param {any} mark @param {any} values
 * @param {Record<string, number> | null} importance @param {Set<string>} seen @param {number} k
 */
function card(ctx, mark, values, importance, seen, k) {
  if (!mark.name) return h("p.beside-note", { key: k }, t(mark.kind), " ", h("code", null, mark.domain));
  const found = values?.parameters[mark.name];
  const isAgain = seen.has(mark.name);
  seen.add(mark.name);
  if (isAgain) return h("p.beside-note", { key: k }, t("{}, as above", mark.name));
  const share = importance?.[mark.name];
  const isChanged = found && found.best !== null && short(found.best) !== short(found.default);
  const href = `/e/${ctx.id}/plots?figure=slice&name=${encodeURIComponent(mark.name)}`;
  return h("a.card", { key: mark.name, href, onclick: follow, title: t("{}: its plots", mark.name) },
    h("span.card-text", null,
      h("span.card-name", null, mark.name, " ", h("span.domain", null, mark.domain)),
      h("span.card-best", null,
        found?.best === null || found?.best === undefined ? h("span.muted", null, found?.points.length ? t("inactive in the best") : t("no result yet"))
          : [h("span.label", null, t("best")), " ", h("strong", null, short(found.best, 4)), " ", isChanged && h("span.was", null, t("was {}", short(found.default, 4)))]),
      share !== undefined && h("span.importance", { title: t("importance {}", `${Math.round(share * 100)} %`) },
        h("span.track", { "aria-hidden": "true" }, h("span.fill", { style: { width: `${Math.max(1, share * 100)}%` } })), h("span.percent", null, `${Math.round(share * 100)} %`))),
    scatter(found?.points ?? [], values?.best ?? null, 132, 50));
}

// -- what is written back

/** @param {import("./main.js").Context} ctx @param {any} diff */
function applied(ctx, diff) {
  const head = (/** @type {any} */ ...beside) => h("div.heading", null, h("h2", null, t("Written back")), ...beside);
  if (!diff) return [head(), h("p.loading", null, t("Loading…"))];
  if (diff.error) return [head(), h("p.none", null, diff.error)];
  const copy = async (/** @type {string} */ text) => {
    try {
      await navigator.clipboard.writeText(text);
      ctx.say(t("Copied."));
    } catch {
      ctx.say(t("The browser does not let the page copy here."), true);
    }
  };
  return [
    head(h("span.beside", null, t("the values of trial {}, as `hpo apply` writes them", diff.trial)),
      diff.diff && h("button.small", { onclick: () => copy(diff.diff) }, t("Copy the diff")),
      diff.diff && h("button.small", { onclick: () => copy(diff.command) }, t("Copy the command"))),
    diff.skipped.map((/** @type {string} */ text) => h("p.note", { key: text }, text)),
    diff.diff
      ? [h("pre.diff", { tabindex: "0", "aria-label": t("The diff") }, diff.diff.split("\n").map((/** @type {string} */ line) => h("span", { class: tone(line) }, `${line}\n`))), h("p.note", null, h("code", null, diff.command))]
      : h("p.none", null, t("The source has these values already.")),
  ];
}

/** @param {string} line */
function tone(line) {
  if (line.startsWith("+++") || line.startsWith("---")) return "file";
  return { "+": "added", "-": "gone", "@": "place" }[line[0]] ?? "same";
}
