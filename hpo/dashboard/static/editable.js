// @ts-check
/** A value that is edited where it stands. */

import { Refused } from "./api.js";
import { h } from "./dom.js";
import { described } from "./main.js";
import { t } from "./text.js";

/** @type {{label: string, text: string, value: string, seen: any, problem: string | null, isContested?: boolean} | null} */
let editing = null;

/**
 * @param {import("./main.js").Context} ctx
 * @param {{label: string, value: string, shown: string, seen: any, hint?: string, save: (text: string, seen: any) => Promise<any>}} options
 *   `seen` is the value as the server told it: what somebody else changed meanwhile is not overwritten unseen
 */
export function editable(ctx, { label, value, shown, seen, hint, save }) {
  const set = (/** @type {typeof editing} */ state) => {
    editing = state;
    ctx.redraw();
  };
  if (editing?.label !== label) {
    return h("button.edit", { key: "shown", onclick: () => set({ label, text: value, value, seen, problem: null }), title: t("Change: {}", label), "aria-label": `${label}: ${shown}` }, shown);
  }
  const isHere = () => editing?.label === label; // or another was opened while the server thought
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!editing || editing.text.trim() === editing.value) return set(null);
    try {
      const { effect } = await save(editing.text.trim(), editing.isContested ? seen : editing.seen);
      if (isHere()) set(null);
      ctx.say(effect === "now" ? t("{} is changed.", label) : t("{} changes when the experiment is resumed.", label));
    } catch (error) {
      const problem = described(error);
      if (editing && isHere()) set({ ...editing, problem, isContested: error instanceof Refused && error.status === 409 });
      else ctx.say(`${label}: ${problem}`);
    }
    return undefined;
  };
  return h("form.editing", { key: "editing", onsubmit: submit },
    h("input", {
      value: editing.text, "aria-label": label, placeholder: hint ?? t("no limit"), spellcheck: "false", autocomplete: "off",
      oninput: (/** @type {any} */ e) => { if (editing) editing.text = e.target.value; },
      onkeydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === "Escape") set(null); },
      onblur: () => { if (editing && isHere() && !editing.problem && editing.text.trim() === editing.value) set(null); },
      mounted: (/** @type {HTMLInputElement} */ el) => el.select(),
    }),
    h("button.main.small", { type: "submit" }, t("Save")),
    editing.problem && h("span.problem", { role: "alert" }, editing.problem));
}
