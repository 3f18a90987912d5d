/* The face drawing with the zones of a plan: outlined as planned, filled as they are given. */

import { t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";
let drawing = null;
let gradients = 0;

/** Load the drawing once, before any view is built. */
export async function loadFace() {
  const response = await fetch("face.svg");
  const parsed = new DOMParser().parseFromString(await response.text(), "image/svg+xml");
  drawing = parsed.documentElement;
}

/** Which side of the patient a zone's name speaks of; null when it speaks of none. */
export function sideOf(name) {
  const words = name.toLowerCase().split(/[-_ ]/);
  return ["left", "right"].find((side) => words.includes(side)) ?? null;
}

/** A drawing of its own, to be painted again and again. */
export class Face {
  constructor() {
    this.element = document.importNode(drawing, true);
    this.element.classList.add("live");
    this.element.setAttribute("role", "img");
    this.painted = "";
  }

  /** Zones: [{name, region, title, share, possible, isNext, isComplete}], shares from 0 to 1. */
  paint(zones) {
    const asked = JSON.stringify(zones);
    if (asked === this.painted) return;
    this.painted = asked;
    this.clear();
    zones.forEach((zone, index) => this.zone(zone, index + 1));
    const names = zones.map((zone) => `${zone.title} ${Math.round(zone.share * 100)} %`);
    this.element.setAttribute("aria-label", t("face.label", { zones: names.join(", ") }));
  }

  clear() {
    for (const old of this.element.querySelectorAll("defs, .zone-number")) old.remove();
    for (const path of this.element.querySelectorAll("[data-region] path")) {
      path.removeAttribute("class");
      path.removeAttribute("fill");
      path.style.removeProperty("fill");
    }
    this.defs = this.element.insertBefore(make("defs"), this.element.firstChild);
  }

  zone(zone, number) {
    const group = [...this.element.querySelectorAll("[data-region]")]
      .find((each) => each.dataset.region === zone.region);
    if (!group) return;
    const paths = [...group.querySelectorAll("path")];
    const side = sideOf(zone.name);
    const mine = paths.filter((path) => !side || !path.dataset.side || path.dataset.side === side);
    for (const path of mine) {
      path.style.setProperty("fill", `url(#${this.gradient(zone)})`);
      path.classList.add("planned");
      path.classList.toggle("next", zone.isNext);
      path.classList.toggle("complete", zone.isComplete);
      this.label(path, String(number), zone.isComplete);
    }
  }

  /** Filled from below: certain, then what is possible beyond it, then empty. */
  gradient(zone) {
    const id = `zone-fill-${(gradients += 1)}`;
    const certain = Math.min(1, zone.share);
    const possible = Math.min(1, Math.max(zone.share, zone.possible));
    const gradient = make("linearGradient", { id, x1: 0, y1: 1, x2: 0, y2: 0 });
    if (zone.isComplete) gradient.classList.add("done-zone");
    const stops = [["certain", 0], ["certain", certain], ["possible", certain],
      ["possible", possible], ["empty", possible], ["empty", 1]];
    gradient.append(...stops.map(([kind, offset]) => make("stop", { class: `stop-${kind}`, offset })));
    this.defs.append(gradient);
    return id;
  }

  /** The zone's number; a tick in its place when it is complete. */
  label(path, text, isComplete) {
    const [x, y] = path.dataset.at.split(" ").map(Number);
    const label = isComplete
      ? make("path", { class: "zone-number tick", d: `M${x - 7} ${y} l5 6 l9 -12` })
      : make("text", { class: "zone-number", x, y });
    if (!isComplete) label.textContent = text;
    this.element.append(label);
  }
}

function make(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}
