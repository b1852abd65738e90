// @ts-check
/**
 * The page as a function of data: `h` describes elements, `render` makes the document match.
 *
 * Text is always a text node, so nothing that a user wrote is ever read as HTML.
 */

/**
 * @typedef {object} VNode
 * @property {string} tag
 * @property {Record<string, any>} props
 * @property {Child[]} children
 */
/** @typedef {VNode | string | number | null | undefined | false | Child[]} Child */

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "indeterminate", "readOnly"]);

/**
 * Describe an element.
 *
 * Properties are attributes, but: `on...` are listeners, `style` an object, `key` tells siblings apart,
 * `mounted` is called with the new element, `updated` each time it is drawn again, `removed` when it goes;
 * with `opaque` what is inside is left alone.
 * @param {string} tag the element's name, with classes after dots: "p.note"
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  const [name, ...classes] = tag.split(".");
  const all = { ...props };
  if (classes.length) all.class = [...classes, all.class].filter(Boolean).join(" ");
  return { tag: name, props: all, children };
}

/**
 * Make what is inside an element match a description.
 * @param {Element} parent
 * @param {Child[]} children
 */
export function render(parent, children) {
  depth++;
  reconcile(parent, flat(children, []));
  if (--depth) return;
  // Only now is everything in the document, and has a size.
  for (const tell of fresh.splice(0)) tell();
}

let depth = 0;
/** @type {(() => void)[]} */
const fresh = [];

/** @param {Element} parent @param {any[]} wanted */
function reconcile(parent, wanted) {
  /** @type {Map<any, any>} */
  const keyed = new Map();
  /** @type {any[]} */
  const free = [];
  for (const node of /** @type {any} */ (parent.childNodes)) {
    const key = node.description?.props?.key;
    if (key !== undefined) keyed.set(key, node);
    else free.push(node);
  }
  let place = parent.firstChild;
  let next = 0;
  for (const child of wanted) {
    const node = match(child, keyed, () => free[next], () => next++) ?? create(child, parent);
    update(node, child);
    if (node === place) place = node.nextSibling;
    else parent.insertBefore(node, place);
    if (node.isNew) {
      node.isNew = false;
      const mounted = child.props?.mounted;
      if (mounted) fresh.push(() => mounted(node));
    }
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    forget(gone);
    gone.remove();
  }
}

/** @param {any} child @param {Map<any, any>} keyed @param {() => any} peek @param {() => void} take */
function match(child, keyed, peek, take) {
  if (typeof child === "object" && child.props.key !== undefined) {
    const node = keyed.get(child.props.key);
    if (node === undefined || !isSame(node.description, child)) return undefined;
    keyed.delete(child.props.key);
    return node;
  }
  const node = peek();
  if (node === undefined) return undefined;
  const fits = typeof child === "object" ? isSame(node.description, child) : node.nodeType === 3;
  if (!fits) return undefined;
  take();
  return node;
}

/** What looks after itself is only taken for its like. @param {any} before @param {any} child */
function isSame(before, child) {
  if (before?.tag !== child.tag) return false;
  return before.props.opaque === child.props.opaque && (!child.props.opaque || before.props.class === child.props.class);
}

/** @param {Child[]} children @param {any[]} into @returns {any[]} */
function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child !== null && child !== undefined && child !== false) {
      into.push(typeof child === "object" ? child : String(child));
    }
  }
  return into;
}

/** @param {any} child @param {Element} parent */
function create(child, parent) {
  if (typeof child !== "object") return document.createTextNode(child);
  const isSvg = child.tag === "svg" || (parent.namespaceURI === SVG && parent.tagName !== "foreignObject");
  const node = isSvg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  /** @type {any} */ (node).isNew = true;
  return node;
}

/** @param {any} node @param {any} child */
function update(node, child) {
  if (typeof child !== "object") {
    if (node.data !== child) node.data = child;
    return;
  }
  const before = node.description?.props ?? {};
  for (const name of Object.keys(before)) if (!(name in child.props)) set(node, name, undefined, before[name]);
  for (const [name, value] of Object.entries(child.props)) {
    if (value !== before[name]) set(node, name, value, before[name]);
  }
  node.description = child;
  if (!child.props.opaque) render(node, child.children);
  if (!node.isNew) child.props.updated?.(node);
}

/** @param {any} node @param {string} name @param {any} value @param {any} before */
function set(node, name, value, before) {
  if (["key", "opaque", "mounted", "updated", "removed"].includes(name)) return;
  if (name.startsWith("on")) node[name] = value ?? null;
  else if (name === "style") {
    for (const each of Object.keys(before ?? {})) if (!(each in (value ?? {}))) node.style.removeProperty(each);
    for (const [each, text] of Object.entries(value ?? {})) node.style.setProperty(each, text);
  } else if (PROPERTIES.has(name)) node[name] = value ?? (name === "value" ? "" : false);
  else if (value === undefined || value === null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

/** @param {any} node */
function forget(node) {
  node.description?.props?.removed?.(node);
  for (const child of node.childNodes) forget(child);
}
