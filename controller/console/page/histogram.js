/* A histogram of a session's strokes: bars from [{start, count}], as the controller counted them. */

import { number } from "./format.js";
import { t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 300;
const HIGH = 90;
const FOOT = 18;

/** The drawing, or null without any stroke. `digits`: decimals of the scale. */
export function histogram(title, bars, digits) {
  if (!bars.length) return null;
  const most = Math.max(...bars.map((bar) => bar.count));
  const likeliest = bars.find((bar) => bar.count === most);
  const step = WIDE / bars.length;
  const drawing = make("svg", { viewBox: `0 0 ${WIDE} ${HIGH + FOOT}`, role: "img", class: "histogram" });
  const ends = { low: number(bars[0].start, digits), high: number(bars.at(-1).start, digits) };
  const words = { title, ...ends, most: number(likeliest.start, digits), count: number(most) };
  drawing.setAttribute("aria-label", t("histogram.label", words));
  bars.forEach((bar, index) => {
    const height = (bar.count / most) * HIGH;
    drawing.append(make("rect", { x: index * step, y: HIGH - height, width: Math.max(1, step - 1), height }));
  });
  drawing.append(label(0, "start", ends.low));
  if (bars.length > 1) drawing.append(label(WIDE, "end", ends.high));
  return drawing;
}

function label(x, anchor, text) {
  const node = make("text", { x, y: HIGH + FOOT - 3, "text-anchor": anchor });
  node.textContent = text;
  return node;
}

function make(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}
