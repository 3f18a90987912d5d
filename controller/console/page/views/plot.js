/* The readings of a series as an inline drawing: limits as bands, a dot a reading, a cross where one
   does not count. What it shows is also said in words beside it, and as its label. */

import { number } from "../format.js";
import { inTongue, t } from "../texts.js";

const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [300, 150, 62, 6, 6, 20];

function svg(tag, attributes = {}, text = "") {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text) node.textContent = text;
  return node;
}

/** How many digits tell the limits apart. */
function digits(plot) {
  const span = plot.fail_high - plot.fail_low;
  return span >= 50 ? 0 : span >= 1 ? 1 : 2;
}

/** The drawing of a plot of the contract. */
export function drawPlot(plot) {
  const values = plot.points.map((point) => point.value);
  const low = Math.min(plot.fail_low, ...values), high = Math.max(plot.fail_high, ...values);
  const margin = (high - low) * 0.06 || 1;
  const y = (value) => TOP + (high + margin - value) / (high - low + 2 * margin) * (HEIGHT - TOP - BOTTOM);
  const step = (WIDTH - LEFT - RIGHT) / Math.max(1, plot.places);
  const x = (place) => LEFT + (place + 0.5) * step;
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "plot", "aria-label": said(plot) });
  const band = (top, bottom, name) => svg("rect", {
    x: LEFT, width: WIDTH - LEFT - RIGHT, y: y(top), height: Math.max(0, y(bottom) - y(top)), class: name,
  });
  node.append(
    svg("rect", { x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM, class: "out" }),
    band(plot.fail_high, plot.fail_low, "may"), band(plot.pass_high, plot.pass_low, "pass"),
    svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(plot.nominal), y2: y(plot.nominal), class: "nominal" }));
  for (const value of new Set([plot.fail_high, plot.pass_high, plot.nominal, plot.pass_low, plot.fail_low])) {
    node.append(svg("text", { x: LEFT - 4, y: y(value), class: "tick" }, number(value, digits(plot))));
  }
  for (let place = 0; place < plot.places; place += Math.ceil(plot.places / 10)) {
    node.append(svg("text", { x: x(place), y: HEIGHT - 7, class: "place" }, String(place + 1)));
  }
  for (const point of plot.points) node.append(mark(point, x(point.place), y(point.value)));
  return node;
}

function mark(point, x, y) {
  if (point.counts) return svg("circle", { cx: x, cy: y, r: 5, class: "dot" });
  return svg("path", { d: `M${x - 5} ${y - 5} l10 10 M${x + 5} ${y - 5} l-10 10`, class: "cross" });
}

/** The plot in words. */
export function said(plot) {
  const counted = plot.points.filter((point) => point.counts);
  const mean = counted.reduce((sum, point) => sum + point.value, 0) / counted.length;
  return t("calibrate.plot", {
    title: plot.title ? inTongue(plot.title) : t(`calibrate.plot_${plot.quantity}`), count: counted.length, places: plot.places, unit: plot.unit.replace("um", "µm"),
    mean: counted.length ? number(mean, digits(plot)) : "–",
    low: number(plot.pass_low, digits(plot)), high: number(plot.pass_high, digits(plot)),
  });
}
