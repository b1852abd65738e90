// @ts-check
/** What programs write, as text that can be read. */

// eslint-disable-next-line no-control-regex
const ESCAPES = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

/**
 * Leave out what only a terminal understands: colours, and what a later part of the line was written over.
 * @param {string} text
 */
export function plain(text) {
  return text.replace(ESCAPES, "").replace(/\r\n/g, "\n").replace(/[^\n]*\r(?=[^\n])/g, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
}
