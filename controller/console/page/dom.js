/* Builds and changes elements. Every text goes in as a text node: markup in a plan's title, a
   pen's model or a person's name is only letters here. */

const PROPERTIES = new Set(["disabled", "hidden", "value", "tabIndex"]);

/** An element. `attributes`: "class", "data-*", "aria-*" and the like; `on` maps events to
    functions. A child is a node, text, or null for nothing. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    } else change(node, name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set an attribute or property, only when it changes; null or false removes an attribute. */
export function change(node, name, value) {
  if (PROPERTIES.has(name)) {
    if (node[name] !== value) node[name] = value;
  } else if (value === null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/** Set the text of a node, only when it changes: a touch that is under way is not disturbed. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Replace the content of a node. */
export function fill(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** Keep one child of `list` an item, in order: nodes live as long as their item's key does. */
export function keep(list, items, keyOf, make, update) {
  const known = new Map([...list.children].map((node) => [node.dataset.key, node]));
  items.forEach((item, index) => {
    const key = String(keyOf(item));
    let node = known.get(key);
    if (!node) {
      node = make(item);
      node.dataset.key = key;
    }
    known.delete(key);
    update(node, item);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
  for (const node of known.values()) node.remove();
}

/** A button with a text. */
export function button(text, act, attributes = {}) {
  return el("button", { type: "button", on: { click: act }, ...attributes }, text);
}
