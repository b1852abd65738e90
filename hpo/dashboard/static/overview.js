// @ts-check
/** An experiment at a glance: where it stands, what came of it, what runs, what failed; and what to do. */

import { get, getPiece, repeated, send } from "./api.js";
import { chart, sparkline } from "./chart.js";
import { enqueueDialog, spaceDialog, sureDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { editable } from "./editable.js";
import { count } from "./list.js";
import { plain } from "./logs.js";
import { follow } from "./main.js";
import { isNumeric } from "./trials.js";
import { duration, FAILURES, moment, short, signed, size, STATES, t } from "./text.js";

const ORDER = ["succeeded", "early_stopped", "failed", "user_canceled", "system_canceled", "running", "interrupted", "waiting"];
const MOST_PARTS = 20; // of what a tuner tells of each parameter
const AS_MANY_AS_FIT = 1_000_000; // at a time, on a cluster: as hpo.config.model has it

/** @param {import("./main.js").Context} ctx @returns {import("./main.js").Page} */
export function overviewPage(ctx) {
  /** @type {any} */
  let course = null;
  /** @type {any} */
  let figure = null;
  let log = "";
  let isHere = true;
  let clock = 0;
  const loadCourse = repeated(async () => {
    if (!isHere) return;
    const found = await ctx.attempt(() => get(`/experiments/${ctx.id}/course`));
    if (!found) return;
    course = found;
    figure = pictureOf(course);
    ctx.redraw();
  });
  const loadLog = repeated(async () => {
    const piece = await ctx.attempt(() => getPiece(`/experiments/${ctx.id}/log?limit=20000`));
    if (piece) log = plain(new TextDecoder().decode(piece.bytes));
    ctx.redraw();
  });
  loadCourse();
  loadLog();
  // Time goes on between changes, too.
  const ticking = setInterval(() => {
    if (ctx.experiment?.status === "running" && !document.hidden) {
      clock++;
      ctx.redraw();
    }
  }, 1000);
  let seen = /** @type {any} */ (null);
  return {
    title: "",
    hear: (change) => {
      if (change.connected || (change.experiment === ctx.id && change.store)) loadCourse();
      if (change.connected || (change.experiment === ctx.id && change.log)) loadLog();
    },
    leave: () => {
      isHere = false;
      clearInterval(ticking);
    },
    view: () => {
      const e = ctx.experiment;
      if (!e) return [h("p.loading", null, t("Loading…"))];
      if (e !== seen) [seen, clock] = [e, 0];
      return [
        title(ctx, e),
        strip(ctx, e, clock),
        limits(ctx, e),
        h("div.columns", null,
          h("section.results", null, heading(t("Results"), course && t("{} succeeded", course.total)), results(ctx, course, figure)),
          isSeveral(e)
            ? h("section.best", null, heading(t("Front"), t("no other is better in all")), front(ctx, e))
            : h("section.best", null, heading(t("Best parameters"), e.best && [trialLink(ctx, e.best.trial), passes(e.top.find((/** @type {any} */ each) => each.number === e.best.trial))]), best(e)),
        ),
        e.running.length > 0 && h("section", null, heading(e.status === "running" ? t("Running now") : t("Cut short")), running(ctx, e)),
        h("div.columns.even", null,
          h("section", null, heading(t("Top trials")), top(ctx, e)),
          h("section", null, heading(t("Failures")), failures(ctx, e)),
        ),
        h("div.columns.even", null,
          h("section", null, heading(t("Search"), h("button.text", { onclick: () => editSpace(ctx) }, t("Edit the space"))), search(e)),
          h("section", null, heading(t("Events")), events(ctx, e)),
        ),
        h("details", null, h("summary", null, t("Configuration")), h("pre.code", { tabindex: "0" }, JSON.stringify(e.settings, null, 2))),
        h("details", null, h("summary", null, t("The runner's log")), h("pre.code", { tabindex: "0" }, log || t("Nothing yet."))),
      ];
    },
  };
}

/** @param {string} text @param {any} [beside] */
export function heading(text, beside) {
  return h("div.heading", null, h("h2", null, text), beside && h("span.beside", null, beside));
}

/** @param {import("./main.js").Context} ctx @param {number} number */
export function trialLink(ctx, number) {
  return h("a", { href: `/e/${ctx.id}/trials/${number}`, onclick: follow }, t("trial {}", number));
}

/** @param {any} trial after how many passes its result is, where a tuner allowed it so many */
function passes(trial) {
  if (!trial || trial.budget === null) return null;
  return h("span.muted", null, ` ${trial.budget === 1 ? t("after 1 pass") : t("after {} passes", short(trial.budget))}`);
}

/** @param {import("./main.js").Context} ctx @param {any} e */
function title(ctx, e) {
  const isRunning = e.status === "running";
  return h("div.head", null,
    h("div.head-text", null, h("h1", null, e.name),
      h("p.sub", null, h("code", null, e.command), h("span.muted", null, ` ${e.folder}`)),
      e.tags.length > 0 && h("p.sub", null, e.tags.map((/** @type {string} */ tag) => h("span.tag.plain", { key: tag }, tag))),
      e.notes.map((/** @type {any} */ note) => h("p.sub.note", { key: String(note.time) }, note.text, h("span.muted", null, ` ${moment(note.time)}`))),
      e.message && h("p.sub", null, e.message),
      e.waits && h("p.sub", null, e.waits),
      e.status === "interrupted" && h("p.sub", null, t("Its runner died. Resume goes on where it stood.")),
      e.wishes > 0 && !isRunning && h("p.sub", null, t("{} changes wait until it is resumed.", e.wishes))),
    h("div.acts", null,
      h("button", { onclick: () => tryValues(ctx, e.best?.parameters ?? {}) }, t("Try values…")),
      isRunning
        ? h("button.danger", { onclick: () => stop(ctx) }, t("Stop"))
        : h("button.main", { onclick: () => resume(ctx) }, t("Resume"))));
}

/** @param {import("./main.js").Context} ctx @param {Record<string, any>} values */
export async function tryValues(ctx, values) {
  const space = await ctx.attempt(() => get(`/experiments/${ctx.id}/space`));
  if (space) ctx.ask(enqueueDialog(ctx, values, space.parameters));
}

/** @param {import("./main.js").Context} ctx */
async function editSpace(ctx) {
  const space = await ctx.attempt(() => get(`/experiments/${ctx.id}/space`));
  if (space) ctx.ask(spaceDialog(ctx, space.json));
}

/** @param {import("./main.js").Context} ctx */
function stop(ctx) {
  const act = () => ctx.attempt(async () => {
    await send("POST", `/experiments/${ctx.id}/stop`);
    ctx.say(t("It is told to stop."));
  });
  ctx.ask(() => sureDialog(t("Stop the experiment?"), t("Its running trials end now, and run again when it is resumed. Nothing recorded is lost."), t("Stop"), act, () => ctx.ask(null)));
}

/** @param {import("./main.js").Context} ctx */
function resume(ctx) {
  ctx.say(t("It is being resumed…"));
  return ctx.attempt(async () => {
    await send("POST", `/experiments/${ctx.id}/resume`);
    ctx.say(t("It goes on, in the background."));
  });
}

// -- the numbers

/** @param {import("./main.js").Context} ctx @param {any} e @param {number} clock */
function strip(ctx, e, clock) {
  const total = count(e);
  const max = e.limits.max_trials;
  const change = (/** @type {any} */ changed) => send("PATCH", `/experiments/${ctx.id}`, changed);
  const elapsed = e.elapsed + (e.status === "running" ? clock : 0);
  const limit = e.limits.max_duration;
  return h("div.strip", null,
    isSeveral(e) ? number(t("On the front"), String(e.best?.front.length ?? 0), e.objectives.join(", "), "lead") :
    number(t("Best"), short(e.best?.value ?? null), e.direction === "maximize" ? t("higher is better") : t("lower is better"), "lead"),
    isSeveral(e) ? number(t("Volume"), volume(e), t("of the box that the results span")) :
    number(t("Over the defaults"), e.gain === null ? "–" : signed(e.gain), e.best?.baseline === null || !e.best ? t("no result of the defaults") : t("from {}", short(e.best.baseline)), e.gain > 0 ? "better" : ""),
    h("div.figure.grow", null, h("span.label", null, t("Trials")),
      h("span.value", null, String(total), h("span.of", null, " / "), editable(ctx, {
        label: t("Maximum trials"), value: max === null ? "" : String(max), shown: max === null ? "∞" : String(max), seen: max,
        save: (text, seen) => change({ max_trials: text === "" ? null : whole(text), seen: { max_trials: seen } }),
      })),
      bar(e, total)),
    h("div.figure.grow", null, h("span.label", null, t("Time")),
      h("span.value", null, duration(elapsed), h("span.of", null, " / "), editable(ctx, {
        label: t("Maximum duration"), value: limit === null ? "" : `${limit}s`, shown: limit === null ? "∞" : duration(limit), hint: t("30s, 10m, 1h30m, 2d"), seen: limit,
        save: (text, seen) => change({ max_duration: text === "" ? null : text, seen: { max_duration: seen } }),
      })),
      h("div.bar-line", null, limit !== null && h("span.succeeded", { style: { width: `${Math.min(100, (100 * elapsed) / limit)}%` } }))),
    h("div.figure", null, h("span.label", null, t("At a time")),
      h("span.value", null, editable(ctx, {
        label: t("Concurrency"), value: String(e.concurrency), shown: e.concurrency === AS_MANY_AS_FIT ? "∞" : String(e.concurrency), seen: e.concurrency,
        save: (text, seen) => change({ concurrency: whole(text), seen: { concurrency: seen } }),
      })),
      h("span.note", null, t("{} running", e.trials.running ?? 0))),
  );
}

/** When it has enough, and what each trial may take. @param {import("./main.js").Context} ctx @param {any} e */
function limits(ctx, e) {
  /** @param {string} label @param {string} name @param {string} shown @param {Partial<Parameters<typeof editable>[1]>} [more] */
  const limit = (label, name, shown, more = {}) => h("div", { key: name }, h("dt", null, label), h("dd", null, editable(ctx, {
    label, value: String(e.limits[name] ?? ""), shown, seen: e.limits[name] ?? null,
    save: (text, seen) => send("PATCH", `/experiments/${ctx.id}`, { [name]: text === "" ? null : whole(text), seen: { [name]: seen } }),
    ...more,
  })));
  const { stop_when: target, patience, max_failures: failures, max_trial_duration: time, max_trial_silence: silence, max_trial_memory: memory, retries } = e.limits;
  return h("dl.limits", null,
    limit(t("Good enough"), "stop_when", target ?? t("never"), { hint: "val_acc>=0.99" }),
    limit(t("Trials without a better result"), "patience", String(patience ?? "∞")),
    limit(t("Failures that end it"), "max_failures", failures ? String(failures) : t("the first 3"), { hint: t("the first 3") }),
    limit(t("A trial's time"), "max_trial_duration", time ? duration(time) : "∞", { value: time ? `${time}s` : "", hint: t("30s, 10m, 1h30m, 2d") }),
    limit(t("Without a report"), "max_trial_silence", silence ? duration(silence) : "∞", { value: silence ? `${silence}s` : "", hint: t("30s, 10m, 1h30m, 2d") }),
    limit(t("Its memory"), "max_trial_memory", memory ? size(memory) : "∞", { value: memory ? size(memory).replace(" ", "") : "", hint: "512M, 4G" }),
    limit(t("Retries of a failure"), "retries", String(retries ?? 0), { value: String(retries ?? 0), save: (text, seen) => send("PATCH", `/experiments/${ctx.id}`, { retries: whole(text || "0"), seen: { retries: seen } }) }));
}

/** @param {string} text */
function whole(text) {
  const value = Number(text);
  return text !== "" && Number.isInteger(value) ? value : text;
}

/** @param {string} label @param {string} value @param {any} note @param {string} [tone] */
function number(label, value, note, tone = "") {
  return h("div.figure", { class: tone }, h("span.label", null, label), h("span.value", null, value), h("span.note", null, note));
}

/** @param {any} e @param {number} total */
function bar(e, total) {
  const whole = Math.max(total, e.limits.max_trials ?? 0) || 1;
  const parts = ORDER.filter((state) => e.trials[state]);
  return [
    h("div.bar-line", { "aria-hidden": "true" }, parts.map((state) => h(`span.${state}`, { key: state, style: { width: `${(100 * e.trials[state]) / whole}%` } }))),
    h("span.note.states", null, parts.map((state) => h("span", { key: state }, h(`i.${state}`, { "aria-hidden": "true" }, STATES[state].glyph), ` ${e.trials[state]} ${t(STATES[state].words)}`))),
  ];
}

// -- results

/** @param {any} course */
function pictureOf(course) {
  if (course.objectives) return [{ kind: "dots", points: course.points, tone: "trial" }, { kind: "line", points: course.best, tone: "best" }, { kind: "dots", points: course.best, tone: "best" }];
  return [
    { kind: "dots", points: course.points, tone: "trial" },
    { kind: "steps", points: course.best, tone: "best" },
  ];
}

/** @param {import("./main.js").Context} ctx @param {any} course @param {any} figure */
function results(ctx, course, figure) {
  if (!course) return h("div.chart", { style: { height: "260px" } });
  if (!course.total) return h("p.none", null, t("No trial has succeeded yet."));
  if (course.objectives) {
    const [across, up] = course.objectives;
    return [
      chart({
        series: figure, height: 260, robust: true,
        label: t("{0} against {1}, and the front", across, up),
        tell: (point) => `${t("trial {}", point[2])}  ${across} ${short(point[0])}  ${up} ${short(point[1])}`,
        pick: (number) => ctx.go(`/e/${ctx.id}/trials/${number}`),
      }),
      h("p.legend", null, h("i.dot.trial", { "aria-hidden": "true" }), t("a trial"), h("i.dash.best", { "aria-hidden": "true" }), t("Front"), h("span.of", null, "· ", t("{} to the right", across), ", ", t("{} upwards", up))),
    ];
  }
  return [
    chart({
      series: figure, height: 260, robust: true, xs: [0, Math.max(1, course.total - 1)],
      label: t("Results in the order in which they came, and the best so far"),
      level: course.baseline === null ? null : { y: course.baseline, label: t("defaults") },
      tell: (point, series) => `${t("trial {}", point[2])}  ${short(point[1])}${series.tone === "best" ? `  ${t("best so far")}` : ""}`,
      pick: (number) => ctx.go(`/e/${ctx.id}/trials/${number}`),
    }),
    h("p.legend", null, h("i.dot.trial", { "aria-hidden": "true" }), t("a trial"), h("i.dash.best", { "aria-hidden": "true" }), t("best so far"), h("span.of", null, "· ", t("in the order of their ends"))),
  ];
}

/** @param {any} e whether there is a front, and no best */
export function isSeveral(e) {
  return (e.objectives ?? []).length > 1;
}

/** @param {any} e */
function volume(e) {
  const share = e.best?.hypervolume?.share ?? null;
  return share === null ? "–" : `${Math.round(100 * share)} %`;
}

/** @param {any} e @returns {string[]} what its objectives are called */
function wanted(e) {
  return (e.objectives ?? []).map((/** @type {string} */ text) => text.slice(0, text.lastIndexOf(":")));
}

/** @param {any} e @param {any} results as a trial reported them */
export function parts(e, results) {
  return wanted(e).map((name) => `${name} ${short(results?.[name] ?? null, 4)}`).join("  ");
}

/** @param {import("./main.js").Context} ctx @param {any} e */
function front(ctx, e) {
  if (!e.best?.front.length) return h("p.none", null, t("No trial has succeeded yet."));
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("Front") }, h("table.rows.tight", null,
    h("thead", null, h("tr", null, h("th.number", { scope: "col" }, t("Trial")), wanted(e).map((name) => h("th.number", { key: name, scope: "col", title: name }, name)))),
    h("tbody", null, e.best.front.map((/** @type {any} */ each) => h("tr", { key: each.trial },
      h("td.number", null, h("a", { href: `/e/${ctx.id}/trials/${each.trial}`, onclick: follow }, String(each.trial))),
      wanted(e).map((name) => h("td.number.strong", { key: name }, short(each.results?.[name] ?? null, 4))))))));
}

/** @param {any} e */
function best(e) {
  if (!e.best) return h("p.none", null, t("No trial has succeeded yet."));
  const own = e.defaults ?? {};
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("Best parameters") }, h("table.pairs.values", null,
    h("thead.hidden", null, h("tr", null, h("th", null, t("Parameter")), h("th", null, t("Value")), h("th", null, t("Own value")))),
    h("tbody", null, Object.entries(e.best.parameters).map(([name, value]) => h("tr", { key: name },
    h("th", { scope: "row", title: name }, name),
    h("td.strong", { title: short(value) }, short(value)),
    h("td.muted", { title: short(own[name]) }, Object.hasOwn(own, name) && short(own[name]) !== short(value) ? t("was {}", short(own[name])) : ""))))));
}

/** @param {import("./main.js").Context} ctx @param {any} e */
function running(ctx, e) {
  return h("ul.now", null, e.running.map((/** @type {any} */ trial) => h("li", { key: trial.number },
    h("a", { href: `/e/${ctx.id}/trials/${trial.number}`, onclick: follow },
      h("span.name", null, t("trial {}", trial.number)),
      sparkline(trial.points, 96, 26),
      h("span.last", null, trial.last ? short(trial.last[1], 4) : "–"),
      h("span.note", null, trial.last ? t("step {}", trial.last[0]) : t("no report yet"))))));
}

/** @param {import("./main.js").Context} ctx @param {any} e */
function top(ctx, e) {
  if (!e.top.length) return h("p.none", null, t("No trial has succeeded yet."));
  const names = Object.keys(e.space).filter((name) => !name.startsWith("_"));
  const tone = (/** @type {string} */ name) => (isNumeric(e.space[name]) ? "number" : "");
  const hasBudgets = e.top.some((/** @type {any} */ trial) => trial.budget !== null);
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("Top trials") }, h("table.rows.tight", null,
    h("thead", null, h("tr", null, h("th.number", { scope: "col" }, t("Trial")), h("th.number", { scope: "col" }, t("Value")),
      hasBudgets && h("th.number", { scope: "col" }, t("Budget")), names.map((name) => h("th", { key: name, class: tone(name), scope: "col", title: name }, name)))),
    h("tbody", null, e.top.map((/** @type {any} */ trial) => h("tr", { key: trial.number },
      h("td.number", null, h("a", { href: `/e/${ctx.id}/trials/${trial.number}`, onclick: follow }, String(trial.number))),
      h("td.number.strong", null, isSeveral(e) ? parts(e, trial.results) : short(trial.value)),
      hasBudgets && h("td.number", null, short(trial.budget)),
      names.map((name) => h("td", { key: name, class: tone(name) }, Object.hasOwn(trial.parameters, name) ? short(trial.parameters[name], 4) : "")))))));
}

/** @param {import("./main.js").Context} ctx @param {any} e */
function failures(ctx, e) {
  if (!e.failures.length) return h("p.none", null, t("None."));
  return h("ul.plain", null, e.failures.map((/** @type {any} */ f) => h("li", { key: f.failure },
    h("i.failed", { "aria-hidden": "true" }, "✕"), h("strong", null, ` ${f.count} × ${t(FAILURES[f.failure] ?? String(f.failure))} `),
    trialLink(ctx, f.trial), f.detail && h("p.detail", null, f.detail))));
}

/** @param {string} text */
function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {any} e */
function search(e) {
  const { model, why, ...rest } = e.explanation ?? {};
  const hasParts = (/** @type {[string, any]} */ [, value]) => value !== null && typeof value === "object";
  const single = Object.entries(rest).filter((pair) => !hasParts(pair));
  const said = (/** @type {[string, any][]} */ pairs) => pairs.map(([name, value]) => `${name.replaceAll("_", " ")} ${short(value, 4)}`).join(", ");
  /** @type {[string, any][]} */
  const rows = [
    [t("Tuner"), [e.tuner.name, ...Object.entries(e.tuner.class_args).map(([k, v]) => ` ${k}=${short(v)}`)]],
    model && [t("Model"), why ? `${model}: ${why}` : String(model)],
    single.length && [t("It says"), said(single)],
    ...Object.entries(rest).filter(hasParts).map(([name, value]) => [capitalised(name.replaceAll("_", " ")), said(Object.entries(value).slice(0, MOST_PARTS))]),
    e.assessor && [t("Assessor"), e.assessor.name],
    [t("Direction"), e.direction === "maximize" ? t("maximize") : t("minimize")],
    [t("Seed"), String(e.seed)],
    e.warm_from && [t("Warm from"), h("a", { href: `/e/${e.warm_from}`, onclick: follow }, e.warm_from)],
    Object.keys(e.fixed).length && [t("Fixed"), Object.entries(e.fixed).map(([k, v]) => `${k}=${short(v)}`).join("  ")],
    [t("Folder"), e.directory],
  ].filter(Boolean);
  return h("table.pairs", null, h("tbody", null, rows.map(([name, value]) => h("tr", { key: name }, h("th", { scope: "row" }, name), h("td", null, value)))));
}

/** @param {import("./main.js").Context} ctx @param {any} e */
function events(ctx, e) {
  if (!e.events.length) return h("p.none", null, t("None."));
  return h("ul.plain.events", { tabindex: "0" }, [...e.events].reverse().map((event, i) => h("li", { key: `${event.time} ${i}` },
    h("span.muted", null, moment(event.time)), " ", h("strong", { class: event.kind }, t(event.kind)), " ",
    event.trial !== null && [trialLink(ctx, event.trial), " "], event.message)));
}
